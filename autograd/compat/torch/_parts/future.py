"""`torch.__future__`: parameters keep their identity in every conversion here, so there is nothing to choose."""

from __future__ import annotations

_choices = {"overwrite": False, "swap": False}


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    _choices["overwrite"] = value


def get_overwrite_module_params_on_conversion() -> bool:
    return _choices["overwrite"]


def set_swap_module_params_on_conversion(value: bool) -> None:
    _choices["swap"] = value


def get_swap_module_params_on_conversion() -> bool:
    return _choices["swap"]


__all__ = ["get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
           "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion"]  # fmt: skip
