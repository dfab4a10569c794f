import torch
from torch import nn
import torch.nn.utils.prune as prune
import torch.nn.functional as F


class LeNet(nn.Module):
    def __init__(self):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.fc1 = nn.Linear(4 * 3 * 3, 12)
        self.fc2 = nn.Linear(12, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = x.view(-1, int(x.nelement() / x.shape[0]))
        return self.fc2(F.relu(self.fc1(x)))


torch.manual_seed(0)
model = LeNet()
module = model.conv1
print(list(n for n, _ in module.named_parameters()), list(module.named_buffers()))
prune.l1_unstructured(module, name="weight", amount=0.3)
print([n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()])
print(module.weight_mask.sum(), (module.weight == 0).sum(), len(module._forward_pre_hooks))
prune.l1_unstructured(module, name="bias", amount=2)
print(module.bias, module.bias_mask)
prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)
print(module.weight_mask.sum((1, 2, 3)))
print(sorted(model.state_dict().keys()))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.rand(6, 1, 8, 8), torch.arange(6) % 3
for i in range(3):
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"{loss.item():.4f}")
print(prune.is_pruned(model))
prune.remove(module, 'weight')
prune.remove(module, 'bias')
print([n for n, _ in module.named_parameters()], (module.weight == 0).sum(), prune.is_pruned(model))
prune.global_unstructured([(model.fc1, 'weight'), (model.fc2, 'weight')], pruning_method=prune.L1Unstructured, amount=0.4)
zeros = sum(int((m.weight == 0).sum()) for m in (model.fc1, model.fc2))
total = sum(m.weight.nelement() for m in (model.fc1, model.fc2))
print("Global sparsity: {:.2f}%".format(100. * zeros / total))
prune.custom_from_mask(model.fc2, name='bias', mask=torch.tensor([0, 1, 0]))
print(model.fc2.bias, model(x).shape)
