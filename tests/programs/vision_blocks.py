"""The building blocks of image networks, from VGG to Swin, a few training steps each."""

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def step(m, x, n=10, lr=0.01, opt=torch.optim.SGD):
    y = torch.arange(x.size(0)) % n
    o = opt(m.parameters(), lr=lr)
    out = []
    for i in range(3):
        p = m(x)
        p = p[0] if isinstance(p, tuple) else p
        l = F.cross_entropy(p, y)
        o.zero_grad()
        l.backward()
        o.step()
        out.append(round(l.item(), 5))
    print(type(m).__name__, sum(p.numel() for p in m.parameters()), out)


class _DenseLayer(nn.Sequential):
    def __init__(self, i, g, b, d):
        super().__init__()
        self.add_module("norm1", nn.BatchNorm2d(i))
        self.add_module("relu1", nn.ReLU(inplace=True))
        self.add_module("conv1", nn.Conv2d(i, b * g, kernel_size=1, stride=1, bias=False))
        self.add_module("norm2", nn.BatchNorm2d(b * g))
        self.add_module("relu2", nn.ReLU(inplace=True))
        self.add_module("conv2", nn.Conv2d(b * g, g, kernel_size=3, padding=1, bias=False))
        self.drop_rate = d

    def forward(self, x):
        n = super().forward(x)
        if self.drop_rate > 0:
            n = F.dropout(n, p=self.drop_rate, training=self.training)
        return torch.cat([x, n], 1)


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("conv0", nn.Conv2d(3, 8, 3, padding=1, bias=False)),
                    ("norm0", nn.BatchNorm2d(8)),
                    ("relu0", nn.ReLU(inplace=True)),
                    ("pool0", nn.MaxPool2d(3, 2, 1)),
                ]
            )
        )
        n = 8
        for i in range(2):
            for j in range(2):
                self.features.add_module("d%d%d" % (i, j), _DenseLayer(n, 4, 2, 0.2))
                n += 4
            self.features.add_module(
                "t%d" % i,
                nn.Sequential(
                    nn.BatchNorm2d(n), nn.ReLU(inplace=True), nn.Conv2d(n, n // 2, 1, bias=False), nn.AvgPool2d(2, 2)
                ),
            )
            n //= 2
        self.classifier = nn.Linear(n, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        f = F.relu(self.features(x), inplace=True)
        f = F.adaptive_avg_pool2d(f, (1, 1))
        return self.classifier(torch.flatten(f, 1))


x = torch.randn(4, 3, 16, 16)
step(DenseNet(), x)


class InvRes(nn.Module):
    def __init__(self, i, o, s, e):
        super().__init__()
        h = int(round(i * e))
        self.use = s == 1 and i == o
        self.conv = nn.Sequential(
            nn.Conv2d(i, h, 1, bias=False),
            nn.BatchNorm2d(h),
            nn.ReLU6(inplace=True),
            nn.Conv2d(h, h, 3, s, 1, groups=h, bias=False),
            nn.BatchNorm2d(h),
            nn.ReLU6(inplace=True),
            nn.Conv2d(h, o, 1, bias=False),
            nn.BatchNorm2d(o),
        )

    def forward(self, x):
        return x + self.conv(x) if self.use else self.conv(x)


class SE(nn.Module):
    def __init__(self, c, r=4):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(c, c // r, bias=False), nn.ReLU(inplace=True), nn.Linear(c // r, c, bias=False), nn.Sigmoid()
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1),
            InvRes(8, 8, 1, 2),
            SE(8),
            InvRes(8, 16, 2, 6),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(16, 10),
        )

    def forward(self, x):
        return self.f(x)


step(Mobile(), x)


class Inception(nn.Module):
    def __init__(self, c, c1, c2, c3, c4):
        super().__init__()
        self.b1 = nn.Conv2d(c, c1, 1)
        self.b2 = nn.Sequential(nn.Conv2d(c, c2[0], 1), nn.ReLU(), nn.Conv2d(c2[0], c2[1], 3, padding=1))
        self.b3 = nn.Sequential(nn.Conv2d(c, c3[0], 1), nn.ReLU(), nn.Conv2d(c3[0], c3[1], 5, padding=2))
        self.b4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(c, c4, 1))

    def forward(self, x):
        return torch.cat([F.relu(b(x)) for b in (self.b1, self.b2, self.b3, self.b4)], dim=1)


class Goog(nn.Module):
    def __init__(self):
        super().__init__()
        self.i = Inception(3, 2, (2, 4), (2, 4), 2)
        self.fc = nn.Linear(12, 10)

    def forward(self, x):
        return self.fc(self.i(x).mean([2, 3]))


step(Goog(), x)


class Mixer(nn.Module):
    def __init__(self, d=16, p=4, n=16):
        super().__init__()
        self.pe = nn.Conv2d(3, d, p, p)
        self.n1 = nn.LayerNorm(d)
        self.t = nn.Sequential(nn.Linear(n, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, n))
        self.n2 = nn.LayerNorm(d)
        self.c = nn.Sequential(nn.Linear(d, 32), nn.GELU(), nn.Linear(32, d))
        self.h = nn.Linear(d, 10)

    def forward(self, x):
        x = self.pe(x).flatten(2).transpose(1, 2)
        x = x + self.t(self.n1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.c(self.n2(x))
        return self.h(x.mean(1))


step(Mixer(), x, opt=torch.optim.AdamW)


class ConvNeXtBlock(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.dwconv = nn.Conv2d(d, d, 7, padding=3, groups=d)
        self.norm = nn.LayerNorm(d, eps=1e-6)
        self.pw1 = nn.Linear(d, 4 * d)
        self.act = nn.GELU()
        self.pw2 = nn.Linear(4 * d, d)
        self.gamma = nn.Parameter(1e-6 * torch.ones(d))

    def forward(self, x):
        i = x
        x = self.dwconv(x)
        x = x.permute(0, 2, 3, 1)
        x = self.pw2(self.act(self.pw1(self.norm(x))))
        x = self.gamma * x
        x = x.permute(0, 3, 1, 2)
        return i + x


class CNX(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Conv2d(3, 8, 4, 4)
        self.b = nn.Sequential(*[ConvNeXtBlock(8) for _ in range(2)])
        self.h = nn.Linear(8, 10)

    def forward(self, x):
        return self.h(self.b(self.s(x)).mean([-2, -1]))


step(CNX(), x)


class Swin(nn.Module):
    def __init__(self, d=16, w=2, h=2):
        super().__init__()
        self.w = w
        self.h = h
        self.pe = nn.Conv2d(3, d, 4, 4)
        self.qkv = nn.Linear(d, 3 * d)
        self.table = nn.Parameter(torch.zeros((2 * w - 1) ** 2, h))
        nn.init.trunc_normal_(self.table, std=0.02)
        c = torch.stack(torch.meshgrid([torch.arange(w), torch.arange(w)], indexing="ij")).flatten(1)
        r = (c[:, :, None] - c[:, None, :]).permute(1, 2, 0).contiguous()
        r[:, :, 0] += w - 1
        r[:, :, 1] += w - 1
        r[:, :, 0] *= 2 * w - 1
        self.register_buffer("idx", r.sum(-1))
        self.fc = nn.Linear(d, 10)

    def forward(self, x):
        x = self.pe(x).permute(0, 2, 3, 1)
        x = torch.roll(x, shifts=(-1, -1), dims=(1, 2))
        B, H, W, C = x.shape
        w = self.w
        x = x.view(B, H // w, w, W // w, w, C).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, w * w, C)
        q, k, v = self.qkv(x).reshape(x.shape[0], w * w, 3, self.h, C // self.h).permute(2, 0, 3, 1, 4)
        a = (q * (C // self.h) ** -0.5) @ k.transpose(-2, -1)
        b = self.table[self.idx.view(-1)].view(w * w, w * w, -1).permute(2, 0, 1).contiguous()
        a = (a + b.unsqueeze(0)).softmax(-1)
        x = (a @ v).transpose(1, 2).reshape(-1, w * w, C)
        x = x.view(B, H // w, W // w, w, w, C).permute(0, 1, 3, 2, 4, 5).contiguous().view(B, H, W, C)
        return self.fc(torch.roll(x, (1, 1), (1, 2)).mean((1, 2)))


step(Swin(), x)


class VGG(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        l = []
        i = 3
        for v in cfg:
            if v == "M":
                l += [nn.MaxPool2d(2, 2)]
            else:
                l += [nn.Conv2d(i, v, 3, padding=1), nn.BatchNorm2d(v), nn.ReLU(inplace=True)]
                i = v
        self.features = nn.Sequential(*l)
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(nn.Linear(i * 4, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 10))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


v = VGG([4, "M", 8, 8, "M"])
step(v, x)
print(v)


class Alex(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(3, 6, 3),
            nn.ReLU(),
            nn.LocalResponseNorm(2),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(6, 8, 3, groups=2, padding=1, dilation=1),
            nn.PReLU(),
            nn.ChannelShuffle(2),
            nn.PixelShuffle(2),
            nn.AdaptiveMaxPool2d(3),
        )
        self.l = nn.LazyLinear(10)

    def forward(self, x):
        return self.l(self.f(x).view(x.size(0), -1))


a = Alex()
a(x)
step(a, x)
