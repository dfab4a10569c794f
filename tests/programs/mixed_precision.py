"""Autocast on the CPU, gradient scaling, and what stays in single precision."""

import torch

torch.manual_seed(0)


def make_model(i, o, n):
    layers = []
    for _ in range(n - 1):
        layers.append(torch.nn.Linear(i, i))
        layers.append(torch.nn.ReLU())
    layers.append(torch.nn.Linear(i, o))
    return torch.nn.Sequential(*tuple(layers))


data = [torch.randn(8, 16) for _ in range(4)]
targets = [torch.randn(8, 4) for _ in range(4)]
loss_fn = torch.nn.MSELoss()
net = make_model(16, 4, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.001)
scaler = torch.amp.GradScaler("cpu", enabled=False)
device = torch.accelerator.current_accelerator().type if torch.accelerator.is_available() else "cpu"
print(device)
for epoch in range(2):
    for input, target in zip(data, targets):
        with torch.autocast(device_type="cpu", dtype=torch.bfloat16, enabled=False):
            output = net(input)
            loss = loss_fn(output, target)
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm=0.1)
        scaler.step(opt)
        scaler.update()
        opt.zero_grad()
    print(epoch, loss.item(), output.dtype)
ck = {"model": net.state_dict(), "optimizer": opt.state_dict(), "scaler": scaler.state_dict()}
print(ck["scaler"], list(ck["model"]))
with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
    output = net(data[0])
    print(output.dtype)
    loss = loss_fn(output, targets[0])
    print(loss.dtype)
    a = torch.randn(3, 3) @ torch.randn(3, 3)
    print(a.dtype, torch.nn.functional.softmax(a, 0).dtype, (a + 1).dtype, torch.is_autocast_enabled("cpu"))
    with torch.autocast(device_type="cpu", enabled=False):
        print((a.float() @ a.float()).dtype)
print(net(data[0]).dtype, torch.is_autocast_enabled("cpu"))
loss.backward()
print(net[0].weight.grad.dtype)


@torch.autocast(device_type="cpu")
def f(x):
    return x @ x


print(f(torch.ones(2, 2)).dtype)
s = torch.cuda.amp.GradScaler()
print(s.is_enabled(), s.get_scale())
