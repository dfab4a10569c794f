import copy
import io
import os
import tempfile
from collections import OrderedDict
import torch
import torch.nn as nn


class TheModelClass(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 3)
        self.bn = nn.BatchNorm1d(3)
        self.fc2 = nn.Linear(3, 2)
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x):
        self.steps += 1
        return self.fc2(torch.relu(self.bn(self.fc1(x))))


torch.manual_seed(0)
model = TheModelClass()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
print("Model's state_dict:")
for param_tensor in model.state_dict():
    print(param_tensor, "\t", model.state_dict()[param_tensor].size())
print("Optimizer's state_dict:")
for var_name in optimizer.state_dict():
    print(var_name, "\t", type(optimizer.state_dict()[var_name]).__name__)
x = torch.randn(8, 4)
model(x).pow(2).sum().backward()
optimizer.step()
folder = tempfile.mkdtemp()
PATH = os.path.join(folder, "checkpoint.pt")
torch.save({'epoch': 5, 'model_state_dict': model.state_dict(), 'optimizer_state_dict': optimizer.state_dict(), 'loss': 0.4}, PATH)
other = TheModelClass()
opt2 = torch.optim.SGD(other.parameters(), lr=0.5)
checkpoint = torch.load(PATH, weights_only=True)
print(other.load_state_dict(checkpoint['model_state_dict']))
opt2.load_state_dict(checkpoint['optimizer_state_dict'])
print(checkpoint['epoch'], checkpoint['loss'], opt2.param_groups[0]['lr'], opt2.state_dict()['state'][0]['momentum_buffer'].shape)
model.eval()
other.eval()
print(torch.equal(model(x), other(x)), other.steps)
torch.save(model, os.path.join(folder, "whole.pt"))
whole = torch.load(os.path.join(folder, "whole.pt"), weights_only=False)
whole.eval()
print(torch.allclose(whole(x), other(x)), type(whole).__name__)
buffer = io.BytesIO()
torch.save([torch.arange(3), {"a": torch.ones(2, dtype=torch.float64)}], buffer)
buffer.seek(0)
print(torch.load(buffer, map_location=torch.device('cpu')))
partial = OrderedDict((k, v) for k, v in model.state_dict().items() if k.startswith("fc1"))
print(other.load_state_dict(partial, strict=False))
try:
    other.load_state_dict(partial)
except RuntimeError as e:
    print(str(e).split(":")[0])
try:
    other.load_state_dict({**model.state_dict(), "fc1.weight": torch.zeros(1)})
except RuntimeError as e:
    print("size mismatch" in str(e))
twin = copy.deepcopy(model)
with torch.no_grad():
    twin.fc1.weight.zero_()
print(model.fc1.weight.abs().sum() > 0, twin.fc1.weight.sum(), [n for n, _ in model.named_children()])
for p in model.fc1.parameters():
    p.requires_grad = False
print([n for n, p in model.named_parameters() if p.requires_grad], sum(p.numel() for p in model.parameters()))
model.fc2 = nn.Linear(3, 5)
print(model(x).shape, model.double()(x.double()).dtype, model.float().training)
handle = model.fc1.register_forward_hook(lambda m, i, o: print("hook", i[0].shape, o.shape))
model(x)
handle.remove()
model(x)
print(model.get_submodule("fc1"), len(list(model.modules())), next(model.parameters()).device)
