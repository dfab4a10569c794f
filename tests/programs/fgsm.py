import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(42)
X = torch.randn(60, 10)
W = torch.randn(10, 3)
y = (X @ W).argmax(1)
model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 3), nn.LogSoftmax(dim=1))
opt = torch.optim.Adam(model.parameters(), lr=0.02)
for _ in range(40):
    opt.zero_grad()
    F.nll_loss(model(X), y).backward()
    opt.step()
model.eval()


def fgsm_attack(image, epsilon, data_grad):
    sign_data_grad = data_grad.sign()
    return torch.clamp(image + epsilon * sign_data_grad, -3, 3)


for eps in [0, .1, .3, .6]:
    correct, examples = 0, []
    for data, target in zip(X.split(1), y.split(1)):
        data.requires_grad = True
        output = model(data)
        init_pred = output.max(1, keepdim=True)[1]
        if init_pred.item() != target.item():
            continue
        loss = F.nll_loss(output, target)
        model.zero_grad()
        loss.backward()
        perturbed = fgsm_attack(data, eps, data.grad.data)
        final_pred = model(perturbed).max(1, keepdim=True)[1]
        if final_pred.item() == target.item():
            correct += 1
        elif len(examples) < 2:
            examples.append((init_pred.item(), final_pred.item(), perturbed.squeeze().detach().cpu().numpy().shape))
        data.requires_grad = False
    print(f"Epsilon: {eps}\tTest Accuracy = {correct} / {len(X)} = {correct / len(X):.3f}", examples)
