"""`biject_to` and `transform_to`: from a constraint to a transform whose results satisfy it."""

from __future__ import annotations

from typing import Any

from . import constraints
from .transforms import (
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    SigmoidTransform,
    SoftmaxTransform,
    StackTransform,
    StickBreakingTransform,
    Transform,
    identity_transform,
)


class ConstraintRegistry:
    """Which transform leads from the reals into a set; called with a constraint."""

    def __init__(self) -> None:
        self._makers: dict[type, Any] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Note a factory for the constraint's class; a decorator without one."""
        if factory is None:
            return lambda f: self.register(constraint, f)
        kind = constraint if isinstance(constraint, type) else type(constraint)
        if not issubclass(kind, constraints.Constraint):
            raise TypeError(
                f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}: pass one, or its class"
            )
        self._makers[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Transform:
        try:
            maker = self._makers[type(constraint)]
        except KeyError:
            raise NotImplementedError(
                f"Cannot transform {type(constraint).__name__} constraints: register a factory for it"
            ) from None
        return maker(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _between(c: Any) -> Transform:
    if (c.lower_bound, c.upper_bound) == (0, 1):
        return SigmoidTransform()
    return ComposeTransform([SigmoidTransform(), AffineTransform(c.lower_bound, c.upper_bound - c.lower_bound)])


def _above(c: Any) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(c.lower_bound, 1)])


def _independent(registry: Any) -> Any:
    return lambda c: IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims)


def _joined(registry: Any) -> Any:
    return lambda c: CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths)


def _stacked(registry: Any) -> Any:
    return lambda c: StackTransform([registry(part) for part in c.cseq], c.dim)


for _registry in (biject_to, transform_to):
    _registry.register(constraints.real, lambda c: identity_transform)
    _registry.register(constraints.positive, lambda c: ExpTransform() if c.lower_bound == 0 else _above(c))
    _registry.register(constraints.nonnegative, lambda c: ExpTransform() if c.lower_bound == 0 else _above(c))
    _registry.register(
        constraints.less_than, lambda c: ComposeTransform([ExpTransform(), AffineTransform(c.upper_bound, -1)])
    )
    _registry.register(constraints.unit_interval, _between)
    _registry.register(constraints.half_open_interval, _between)
    _registry.register(constraints.corr_cholesky, lambda c: CorrCholeskyTransform())
    _registry.register(constraints.independent, _independent(_registry))
    _registry.register(constraints.cat, _joined(_registry))
    _registry.register(constraints.stack, _stacked(_registry))
biject_to.register(constraints.simplex, lambda c: StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda c: PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda c: PositiveDefiniteTransform())

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]
