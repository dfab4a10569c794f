"""The facade's tools around a program: profiler, benchmark, swapped tensors, names of nodes and classes."""

from __future__ import annotations

import json

import numpy as np
import pytest

import autograd as ag


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


# ------------------------------------------------------------------ profiler


def test_the_profiler_counts_operations_their_gradients_and_named_parts(torch):
    x = torch.ones(3, 3, requires_grad=True)
    with torch.profiler.profile(profile_memory=True) as p, torch.profiler.record_function("part"):
        for _ in range(2):
            (x @ x).exp().sum().backward()
    found = {e.key: e for e in p.key_averages()}
    assert found["aten::matmul"].count == found["aten::exp"].count == 2
    assert found["autograd::engine::evaluate_function: ExpBackward0"].count == 2
    part = found["part"]
    inside = sum(e.cpu_time_total for e in found.values() if e is not part)
    assert part.count == 1
    assert part.cpu_time_total >= inside
    assert part.self_cpu_time_total == pytest.approx(part.cpu_time_total - inside)
    assert found["aten::exp"].cpu_memory_usage == 2 * 9 * 4
    assert p.key_averages().total_average().count == p.total_average().count == len(p.events())


def test_a_profile_prints_as_pytorchs_table(torch):
    with torch.autograd.profiler.profile(use_cuda=False) as p:
        torch.ones(2).exp()
    text = p.key_averages().table(sort_by="self_cpu_time_total", row_limit=10).splitlines()
    titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls"]
    assert [t.strip() for t in text[1].split("  ") if t.strip()] == titles
    assert set(text[0]) == {"-", " "}
    assert text[0] == text[2] == text[-2]
    assert text[3].split()[0] == "aten::exp"
    assert text[3].split()[-1] == "1"
    assert "100.00%" in text[3]
    assert text[-1].startswith("Self CPU time total: ")
    assert "Input Shapes" in p.key_averages(group_by_input_shape=True).table()
    assert str(p) == p.table()


def test_a_schedule_records_the_active_steps_and_hands_each_cycle_on(torch):
    seen = []
    plan = torch.profiler.schedule(wait=1, warmup=1, active=2)
    ready = lambda p: seen.append((p.step_num, sum(e.count for e in p.key_averages())))  # noqa: E731
    with torch.profiler.profile(schedule=plan, on_trace_ready=ready) as p:
        for _ in range(8):
            torch.ones(1).exp()
            p.step()
    assert seen == [(4, 2), (8, 2)]
    assert [plan(i).name for i in range(5)] == ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE"]


def test_traces_are_files_for_a_browser(torch, tmp_path):
    handler = torch.profiler.tensorboard_trace_handler(str(tmp_path / "log"))
    with torch.profiler.profile(on_trace_ready=handler) as p, torch.profiler.record_function("mine"):
        torch.ones(1).exp()
    (written,) = (tmp_path / "log").iterdir()
    assert {e["name"] for e in json.loads(written.read_text())["traceEvents"]} == {"aten::exp", "mine"}
    p.export_stacks(str(tmp_path / "stacks"))
    assert (tmp_path / "stacks").read_text().startswith("aten::exp ")


# ------------------------------------------------------------------ benchmark


def measured(torch, times, **named):
    return torch.utils.benchmark.Measurement(10, times, named.pop("stmt", "f(x)"), **named)


def test_measurements_print_as_pytorchs(torch):
    lines = repr(measured(torch, [1e-4])).splitlines()
    assert lines[0].startswith("<torch.utils.benchmark.utils.common.Measurement object at 0x")
    assert lines[1:] == ["f(x)", "  10.00 us", "  1 measurement, 10 runs , 1 thread"]
    named = measured(torch, [1e-4, 3e-4], setup="x = 1", label="L", sub_label="S", description="D", num_threads=2)
    assert repr(named).splitlines()[1:] == [
        "L: S", "D", "setup: x = 1", "  Median: 20.00 us", "  2 measurements, 10 runs per measurement, 2 threads",
        "  WARNING: Interquartile range is 50.0% of the median measurement.",
        "           This suggests significant environmental influence."]  # fmt: skip
    four = measured(torch, [1e-1, 1e-1, 1.01e-1, 1e-1], stmt="a\nb", setup="c\nd")
    assert repr(four).splitlines()[1:] == [
        "stmt:", "  a", "  b", "", "setup:", "  c", "  d", "", "  Median: 10.00 ms",
        "  IQR:    0.02 ms (10.00 to 10.02)", "  4 measurements, 10 runs per measurement, 1 thread"]  # fmt: skip


def test_statements_may_be_indented_and_know_torch(torch):
    timer = torch.utils.benchmark.Timer(
        "x * y",
        """
        x = torch.ones(3)
        y = x + 1
        """,
    )
    assert repr(timer.timeit(2)).splitlines()[1:5] == ["x * y", "setup:", "  x = torch.ones(3)", "  y = x + 1"]
    calls = []
    counted = torch.utils.benchmark.Timer("f()", globals={"f": lambda: calls.append(1)}).blocked_autorange(
        min_run_time=1e-3
    )
    assert len(calls) >= counted.number_per_run * len(counted.times)
    assert counted.mean > 0
    with pytest.raises(NotImplementedError, match="only Python statements"):
        torch.utils.benchmark.Timer("x;", language=torch.utils.benchmark.Language.CPP)


def test_measurements_are_compared_by_threads_and_names(torch):
    results = [measured(torch, [t * 1e-5], label="Dot", sub_label=s, description=d, num_threads=n) for t, s, d, n in
               ((46.7, "[1]", "bmm", 1), (10.5, "[1]", "mul/sum", 1), (30.5, "[1]", "bmm", 2), (9.5, "[64]", "bmm", 1))]  # fmt: skip
    assert str(torch.utils.benchmark.Compare(results)).splitlines() == [
        "[------------ Dot ------------]",
        "            |  bmm   |  mul/sum",
        "1 threads: --------------------",
        "      [1]   |  46.7  |    10.5",
        "      [64]  |   9.5  |",
        "2 threads: --------------------",
        "      [1]   |  30.5  |",
        "",
        "Times are in microseconds (us).",
    ]


# ------------------------------------------------------------------ tensors that change places


def test_swapped_tensors_are_each_other_and_receive_each_others_gradients(torch):
    a = torch.tensor([1.0], requires_grad=True)
    b = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
    b.note = "kept"
    loss = (b * b).sum()
    torch.utils.swap_tensors(a, b)
    assert type(a) is torch.nn.Parameter
    assert type(b) is torch.Tensor
    assert a.note == "kept"
    assert not hasattr(b, "note")
    loss.backward()
    assert a.grad.tolist() == [4.0, 6.0]
    assert b.grad is None
    torch.__future__.set_swap_module_params_on_conversion(True)
    assert torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(False)


# ------------------------------------------------------------------ names of nodes and classes


@pytest.mark.parametrize(("index", "name"), [
    ("w[0]", "Select"), ("w[0, :]", "Select"), ("w[:, 0]", "Select"), ("w[0, :2]", "Slice"), ("w[:2, 0]", "Select"),
    ("w[:]", "Slice"), ("w[...]", "Alias"), ("w[..., 0]", "Select"), ("w[..., :2]", "Slice"), ("w[0, None]", "Unsqueeze"),
    ("w[None, :2]", "Slice"), ("w[0, 0, :3]", "Slice")])  # fmt: skip
def test_a_views_node_is_named_after_the_last_part_of_the_index(index, name, torch):
    w = torch.ones(4, 4, 4, requires_grad=True)
    assert eval(index, {"w": w}).grad_fn.name() == f"{name}Backward0"


def test_the_node_of_a_linear_layer_leads_to_bias_input_and_transposed_weight(torch):
    layer = torch.nn.Linear(3, 2)
    bias, given, weight = layer(torch.ones(1, 3)).grad_fn.next_functions
    assert bias[0].variable is layer.bias
    assert given == (None, 0)
    assert repr(weight[0]).startswith("<TBackward0 object at")
    assert weight[0].name() == "TBackward0"
    assert weight[0].next_functions[0][0].variable is layer.weight
    (first, second) = torch.nn.Linear(3, 2, bias=False)(torch.ones(1, 3, requires_grad=True)).grad_fn.next_functions
    assert first[0].name() == "torch::autograd::AccumulateGrad"
    assert second[0].name() == "TBackward0"


def test_the_node_of_a_function_says_where_its_class_comes_from(torch):
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

    assert repr(Same.apply(torch.ones(1, requires_grad=True)).grad_fn).startswith(
        "<torch.autograd.function.SameBackward object"
    )


def test_classes_say_where_pytorch_defines_them(torch):
    layer = torch.nn.Linear(1, 1)
    data = torch.utils.data
    found = [type(torch.optim.SGD(layer.parameters(), lr=1.0)), torch.optim.lr_scheduler.StepLR, data.TensorDataset,
             data.DataLoader, data.RandomSampler, torch.distributions.HalfNormal, torch.nn.utils.prune.L1Unstructured, type(layer),
             type(torch.nn.attention.bias.causal_upper_left(1, 1))]  # fmt: skip
    assert [f"{c.__module__}.{c.__name__}" for c in found] == [
        "torch.optim.sgd.SGD", "torch.optim.lr_scheduler.StepLR", "torch.utils.data.dataset.TensorDataset",
        "torch.utils.data.dataloader.DataLoader", "torch.utils.data.sampler.RandomSampler",
        "torch.distributions.half_normal.HalfNormal", "torch.nn.utils.prune.L1Unstructured", "torch.nn.modules.linear.Linear",
        "torch.nn.attention.bias.CausalBias"]  # fmt: skip
    torch.uninstall()
    assert found[0].__module__.startswith("nn.optim")


# ------------------------------------------------------------------ functions


def test_functorch_is_answered(torch):
    import functorch

    model = torch.nn.BatchNorm1d(2)
    f, parameters, buffers = functorch.make_functional_with_buffers(model)
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    assert torch.equal(f(parameters, buffers, x), torch.nn.BatchNorm1d(2)(x))
    linear = torch.nn.Linear(2, 1)
    g, weights = functorch.make_functional(linear)
    assert torch.equal(g(weights, x), linear(x))
    assert functorch.vmap(torch.sin)(x).equal(x.sin())
    with pytest.raises(RuntimeError, match=r"`model` has buffers\. Please use make_functional_with_buffers"):
        functorch.make_functional(model)


def test_weights_of_a_second_check_are_drawn_as_pytorch_draws_them(torch):
    torch.manual_seed(0)
    x = torch.rand(3, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda t: t**2, x)
    found = torch.rand(2, dtype=torch.double)
    torch.manual_seed(0)
    expected = torch.rand(20, dtype=torch.double)[18:]  # nine for x, nine for the weights
    assert found.equal(expected)


def test_attention_masks_for_lengths_that_differ(torch):
    F, bias = torch.nn.functional, torch.nn.attention.bias
    q, k = torch.rand(1, 2, 2, 4), torch.rand(1, 2, 5, 4)
    assert torch.allclose(F.scaled_dot_product_attention(q, k, k, bias.causal_upper_left(2, 5)),
                          F.scaled_dot_product_attention(q, k, k, is_causal=True))  # fmt: skip
    last = F.scaled_dot_product_attention(q, k, k, bias.causal_lower_right(2, 5))[:, :, -1]
    assert torch.allclose(last, F.scaled_dot_product_attention(q, k, k)[:, :, -1])


def test_heads_that_were_split_by_transposing_are_joined_by_a_view():
    q = ag.arange(48.0).view(1, 3, 4, 4).transpose(1, 2)
    out = _attend(q)
    assert out.stride() == q.stride()
    assert out.transpose(1, 2).view(1, 3, 16).shape == (1, 3, 16)
    plain = _attend(q.contiguous())
    assert plain.is_contiguous()
    assert np.array_equal(plain.numpy(), out.numpy())


def _attend(q):
    import nn

    return nn.functional.scaled_dot_product_attention(q, q, q)


def test_a_device_is_a_block(torch):
    with torch.device("cpu") as d:
        assert torch.ones(1).device == d
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"), torch.device("cuda"):
        pass


def test_a_functions_own_jvp_gives_its_tangents(torch):
    import torch.autograd.forward_ad as fwd

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def jvp(ctx, moving, _):
            return moving * ctx.factor

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def jvp(ctx, moving):
            return moving * 2, moving * 3

    x, t = torch.ones(2, dtype=torch.double, requires_grad=True), torch.tensor([1.0, 5.0], dtype=torch.double)
    with fwd.dual_level():
        dual = fwd.make_dual(x, t)
        assert fwd.unpack_dual(Scale.apply(dual, 3.0)).tangent.tolist() == [3.0, 15.0]
        assert fwd.unpack_dual(Both.apply(dual)[1]).tangent.tolist() == [3.0, 15.0]
    assert torch.autograd.gradcheck(Scale.apply, (x, 3.0), check_forward_ad=True, check_backward_ad=False)
    with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
        torch.autograd.Function.jvp(None)


# ------------------------------------------------------------------ one place of a vector


@pytest.mark.parametrize("source", [2.0, [2.0], ()])
def test_an_index_without_axes_names_one_place_of_a_vector(source):
    i = ag.tensor(1)
    src = ag.tensor(2.0) if source == () else source if isinstance(source, float) else ag.tensor(source)
    assert ag.zeros(3).scatter(0, i, src).tolist() == [0.0, 2.0, 0.0]
    if not isinstance(src, float):
        assert ag.zeros(3).scatter_add(0, i, src).tolist() == [0.0, 2.0, 0.0]
        for reduce in ("sum", "amax", "mean"):
            expected = 1.0 if reduce == "mean" else 2.0
            assert ag.zeros(3).scatter_reduce(0, i, src, reduce).tolist() == [0.0, expected, 0.0]


def test_an_index_without_axes_gathers_one_number():
    x = ag.arange(3.0, requires_grad=True)
    y = ag.gather(x, 0, ag.tensor(2))
    assert y.shape == ()
    assert y.item() == 2.0
    y.backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(RuntimeError, match="same number of dimensions as input tensor: 0 and 2"):
        ag.gather(ag.zeros(2, 2), 0, ag.tensor(1))


# ------------------------------------------------------------------ operations of one's own


def test_a_custom_operation_is_recorded_with_its_gradient(torch):
    @torch.library.custom_op("mine::scaled", mutates_args=())
    def scaled(x: torch.Tensor, factor: float = 3.0) -> torch.Tensor:
        return torch.from_numpy(x.numpy() * np.float32(factor))  # what it gets needs no detach()

    assert scaled(torch.ones(1)).tolist() == [3.0]
    assert torch.ops.mine.scaled.default is scaled

    def keep(ctx, inputs, output):
        ctx.factor = inputs[1]

    torch.library.register_autograd("mine::scaled", lambda ctx, g: (g * ctx.factor, None), setup_context=keep)
    x = torch.ones(2, requires_grad=True)
    torch.ops.mine.scaled(x, factor=5.0).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    scaled.register_fake(torch.empty_like)
    assert set(torch.library.opcheck(scaled, (x,)).values()) == {"SUCCESS"}
    scaled.register_kernel("cuda")(lambda x, factor: None)
    scaled.register_kernel("cpu", lambda x, factor: x + factor)
    assert scaled(torch.ones(1), 2.0).tolist() == [3.0]


def test_a_custom_operation_may_write_into_its_arguments(torch):
    @torch.library.custom_op("mine::sine_into", mutates_args={"out"})
    def sine_into(x: torch.Tensor, out: torch.Tensor) -> None:
        np.sin(x.numpy(), out=out.numpy())

    x, out = torch.tensor([1.0, 2.0]), torch.zeros(2)
    assert sine_into(x, out) is None
    assert torch.allclose(out, x.sin())


def test_what_is_wrong_with_a_custom_operation_is_said(torch):
    same = torch.library.custom_op("mine::same", lambda x: x)
    with pytest.raises(RuntimeError, match="must not also be an input to this custom operator"):
        same(torch.ones(1))
    copy = torch.library.custom_op("mine::copy", lambda x: x.clone())
    with pytest.raises(RuntimeError, match=r"Trying to backward through mine\.copy\.default but no autograd formula"):
        copy(torch.ones(1, requires_grad=True)).sum().backward()
    with pytest.raises(RuntimeError, match="There was no fake impl registered for <CustomOpDef"):
        torch.library.opcheck(copy, (torch.ones(1),))
    copy.register_fake(lambda x: x.new_empty(7))
    assert "gives [7]" in torch.library.opcheck(copy, (torch.ones(1),), raise_exception=False)["test_faketensor"]
    with pytest.raises(RuntimeError, match=r"register_fake gives \[7\] torch\.float32, the operation \[1\]"):
        torch.library.opcheck("mine::copy", (torch.ones(1),))
    with pytest.raises(ValueError, match="expected namespace::name"):
        torch.library.custom_op("copy", lambda x: x)
    with pytest.raises(RuntimeError, match="no such operator"):
        torch.library.register_fake("mine::nothing", lambda x: x)
    with pytest.raises(AttributeError, match="'_OpNamespace' 'mine' object has no attribute 'nothing'"):
        torch.ops.mine.nothing


# ------------------------------------------------------------------ small things that programs ask for


def test_gradients_by_mapped_weights_take_one_pass_of_an_outer_graph(torch):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x**2
    rows = torch.vmap(lambda v: torch.autograd.grad(y, x, v)[0])(torch.eye(3))
    assert rows.tolist() == np.diag([2.0, 4.0, 6.0]).tolist()


def test_scripted_models_are_saved_by_their_own_method(torch, tmp_path):
    model = torch.jit.script(torch.nn.Linear(2, 1))
    model.save(str(tmp_path / "model.pt"))
    again = torch.jit.load(str(tmp_path / "model.pt"))
    assert torch.equal(again(torch.ones(1, 2)), model(torch.ones(1, 2)))
    assert callable(model.save)


def test_the_meta_device_is_this_memory_while_installed(torch):
    with torch.device("meta"):
        model = torch.nn.Linear(2, 1)
    state = torch.nn.Linear(2, 1).state_dict()
    model.load_state_dict(state, assign=True)
    assert torch.equal(model.weight, state["weight"])
    assert model.to("meta")(torch.ones(1, 2, device="meta")).shape == (1, 1)
    torch.uninstall()
    with pytest.raises(RuntimeError, match="device 'meta' is not available"):
        ag.ones(1, device="meta")


def test_hub_has_a_progress_bar(torch):
    bar = torch.hub.tqdm([1, 2], disable=True)
    bar.set_postfix({"loss": 1})
    assert list(bar) == [1, 2]


# ------------------------------------------------------------------ last bits


def test_even_steps_have_pytorchs_last_bits():
    """Recorded from PyTorch 2.13; ends and step are rounded to float32, then each number once."""
    expected = [-3.299999952316284, -0.7000000476837158, 1.9000000953674316, 4.5, 7.099999904632568]
    assert ag.linspace(-3.3, 7.1, 5).tolist() == expected
    sevenths = ag.linspace(0, 1, 8).numpy()
    assert sevenths.view(np.int32).tolist() == [
        0, 1041385765, 1049774373, 1054567864, 1058162980, 1060559726, 1062956471, 1065353216]  # fmt: skip
    assert ag.linspace(0, 1, 8, dtype=ag.float64).numpy()[3] == 3 / 7


def test_an_image_left_in_place_is_read_at_its_pixels():
    """An identity map meets pixels or misses them by a last bit; on which side is what decides the gradient there."""
    import nn

    theta = ag.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    row = nn.functional.affine_grid(theta, (1, 1, 7, 7), align_corners=False)[0, 0, :, 0]
    assert row.numpy().view(np.int32).tolist() == [  # recorded from PyTorch 2.13
        -1084527177, -1089320668, -1097709276, -1294242377, 1049774372, 1058162980, 1062956471]  # fmt: skip


# ------------------------------------------------------------------ TensorBoard


def records(path):
    """The events of a file, their checksums checked, as {field: values}."""
    from autograd.compat.torch._parts.tensorboard import crc32c

    data, at = path.read_bytes(), 0

    def unmask(b):
        turned = (int.from_bytes(b, "little") - 0xA282EAD8) & 0xFFFFFFFF
        return (turned >> 17 | turned << 15) & 0xFFFFFFFF

    while at < len(data):
        n = int.from_bytes(data[at : at + 8], "little")
        body = data[at + 12 : at + 12 + n]
        assert unmask(data[at + 8 : at + 12]) == crc32c(data[at : at + 8])
        assert unmask(data[at + 12 + n : at + 16 + n]) == crc32c(body)
        yield body
        at += 16 + n


def test_numbers_are_written_as_tensorboard_reads_them(torch, tmp_path):
    with torch.utils.tensorboard.SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("a", torch.tensor(0.5), 300, walltime=1.0)
        writer.add_scalars("both", {"x": 1.0, "y": 2.0}, 1)
        writer.flush()
    (file,) = (p for p in (tmp_path / "run").iterdir() if p.is_file())
    first, second = records(file)
    assert first.endswith(b"\x1a\rbrain.Event:2")
    assert file.name.startswith("events.out.tfevents.")
    wall, step = b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f", b"\x10\xac\x02"  # 1.0; 300 as a varint
    assert second == wall + step + b"\x2a\x0a\x0a\x08\x0a\x01a\x15\x00\x00\x00\x3f"
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if p.is_dir()) == ["both_x", "both_y"]
    writer.add_scalar("a", 1.0, -1)  # opens a file again
    writer.close()
    assert sum(p.is_file() for p in (tmp_path / "run").iterdir()) == 2
