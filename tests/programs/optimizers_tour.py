import torch
from torch import optim
from torch.optim import lr_scheduler


def rosenbrock(p):
    x, y = p
    return (1 - x) ** 2 + 10 * (y - x ** 2) ** 2


for name, kw in [("SGD", dict(lr=1e-3)), ("SGD", dict(lr=1e-3, momentum=0.9, nesterov=True)), ("Adam", dict(lr=0.05)),
                 ("AdamW", dict(lr=0.05)), ("Adamax", dict(lr=0.05)), ("NAdam", dict(lr=0.05)), ("RAdam", dict(lr=0.05)),
                 ("RMSprop", dict(lr=0.01, momentum=0.5, centered=True)), ("Adagrad", dict(lr=0.3)), ("Adadelta", dict(lr=2.0)),
                 ("Rprop", dict(lr=0.01)), ("ASGD", dict(lr=1e-3)), ("Adam", dict(lr=0.05, amsgrad=True, weight_decay=1e-2))]:
    p = torch.tensor([-1.0, 1.5], requires_grad=True)
    opt = getattr(optim, name)([p], **kw)
    for i in range(40):
        opt.zero_grad()
        loss = rosenbrock(p)
        loss.backward()
        opt.step()
    print(f"{name:8s} {loss.item():.5f} {p[0].item():.4f} {p[1].item():.4f}")
p = torch.tensor([-1.0, 1.5], requires_grad=True)
opt = optim.LBFGS([p], lr=1, max_iter=20, line_search_fn="strong_wolfe")


def closure():
    opt.zero_grad()
    loss = rosenbrock(p)
    loss.backward()
    return loss


print("LBFGS %.5f" % opt.step(closure).item(), p.detach())


def rates(make, steps=12, metric=None):
    opt = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    sched = make(opt)
    out = []
    for i in range(steps):
        opt.step()
        out.append(round(opt.param_groups[0]['lr'], 4))
        sched.step(*([metric(i)] if metric else []))
    return out


print(rates(lambda o: lr_scheduler.StepLR(o, 3, 0.5)))
print(rates(lambda o: lr_scheduler.MultiStepLR(o, [2, 5], 0.1)))
print(rates(lambda o: lr_scheduler.ExponentialLR(o, 0.9)))
print(rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 6)))
print(rates(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2)))
print(rates(lambda o: lr_scheduler.LambdaLR(o, lambda e: 0.95 ** e)))
print(rates(lambda o: lr_scheduler.OneCycleLR(o, max_lr=2.0, total_steps=12)))
print(rates(lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, step_size_up=3)))
print(rates(lambda o: lr_scheduler.LinearLR(o, 0.2, total_iters=4)))
print(rates(lambda o: lr_scheduler.PolynomialLR(o, 8, power=2.0)))
print(rates(lambda o: lr_scheduler.ReduceLROnPlateau(o, 'min', patience=1, factor=0.5), metric=lambda i: 1.0 / min(i + 1, 3)))
print(rates(lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], [3])))
model = torch.nn.Linear(2, 1)
torch.nn.init.constant_(model.weight, 0.5)
torch.nn.init.zeros_(model.bias)
swa = torch.optim.swa_utils.AveragedModel(model)
opt = optim.SGD(model.parameters(), lr=0.1)
for i in range(4):
    loss = (model(torch.ones(3, 2)) - 2).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    swa.update_parameters(model)
print(swa.module.weight.data, model.weight.data, swa.n_averaged)
state = opt.state_dict()
print(state['param_groups'][0]['lr'], sorted(state))
