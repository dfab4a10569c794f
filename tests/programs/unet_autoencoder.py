import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
                                 nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.net(x)


class UNet(nn.Module):
    def __init__(self, bilinear=False):
        super().__init__()
        self.inc = DoubleConv(1, 4)
        self.down = nn.Sequential(nn.MaxPool2d(2), DoubleConv(4, 8))
        if bilinear:
            self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True), nn.Conv2d(8, 4, 1))
        else:
            self.up = nn.ConvTranspose2d(8, 4, kernel_size=2, stride=2)
        self.conv = DoubleConv(8, 4)
        self.outc = nn.Conv2d(4, 1, kernel_size=1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.up(self.down(x1))
        diffY, diffX = x1.size()[2] - x2.size()[2], x1.size()[3] - x2.size()[3]
        x2 = F.pad(x2, [diffX // 2, diffX - diffX // 2, diffY // 2, diffY - diffY // 2])
        return self.outc(self.conv(torch.cat([x1, x2], dim=1)))


def dice_loss(pred, target, smooth=1.):
    pred, target = pred.contiguous(), target.contiguous()
    intersection = (pred * target).sum(dim=2).sum(dim=2)
    loss = 1 - ((2. * intersection + smooth) / (pred.sum(dim=2).sum(dim=2) + target.sum(dim=2).sum(dim=2) + smooth))
    return loss.mean()


torch.manual_seed(0)
yy, xx = torch.meshgrid(torch.arange(13), torch.arange(13), indexing='ij')
masks = torch.stack([((yy - c) ** 2 + (xx - 6) ** 2 < 12).float() for c in (4, 6, 8)]).unsqueeze(1)
images = masks + 0.3 * torch.randn_like(masks)
for bilinear in (False, True):
    net = UNet(bilinear)
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(5):
        out = net(images)
        loss = F.binary_cross_entropy_with_logits(out, masks) + dice_loss(torch.sigmoid(out), masks)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    print(bilinear, f"{loss.item():.4f}", (torch.sigmoid(out) > 0.5).float().eq(masks).float().mean().item())
enc = nn.Sequential(nn.Linear(169, 32), nn.ReLU(), nn.Linear(32, 2))
dec = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 169), nn.Sigmoid())
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=1e-2)
for _ in range(20):
    z = enc(masks.flatten(1))
    loss = F.mse_loss(dec(z), masks.flatten(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"{loss.item():.4f}", z.shape)
