import torch
import torch.nn as nn
import torch.nn.init as init
from math import log10


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super(Net, self).__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 16, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(16, 8, (3, 3), (1, 1), (1, 1))
        self.conv4 = nn.Conv2d(8, upscale_factor ** 2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        return self.pixel_shuffle(self.conv4(x))

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain('relu'))
        init.orthogonal_(self.conv2.weight, init.calculate_gain('relu'))
        init.orthogonal_(self.conv4.weight)


torch.manual_seed(123)
t = torch.linspace(0, 6.28, 24)
high = (torch.sin(t).view(-1, 1) * torch.cos(t).view(1, -1)).view(1, 1, 24, 24).repeat(4, 1, 1, 1) * torch.arange(1, 5).view(4, 1, 1, 1)
low = torch.nn.functional.interpolate(high, scale_factor=0.5, mode='bilinear', align_corners=False)
model = Net(upscale_factor=2)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(1, 6):
    optimizer.zero_grad()
    loss = criterion(model(low), high)
    loss.backward()
    optimizer.step()
    print("===> Epoch {} Avg. Loss: {:.4f} PSNR: {:.4f} dB".format(epoch, loss.item(), 10 * log10(1 / loss.item())))
print(nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)(low)[0, 0, :2, :5])
print(nn.functional.interpolate(low, size=(6, 6), mode='bicubic', align_corners=False)[0, 0, 0], nn.Upsample(scale_factor=2)(low).shape)
