import torch
import torch.nn as nn
import torch.nn.functional as F


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.fc_in_features = 4 * 8 * 8
        self.fc = nn.Sequential(
            nn.Linear(self.fc_in_features * 2, 32),
            nn.ReLU(inplace=True),
            nn.Linear(32, 1),
        )
        self.sigmoid = nn.Sigmoid()
        self.fc.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.conv(x)
        return output.view(output.size()[0], -1)

    def forward(self, input1, input2):
        output = torch.cat((self.forward_once(input1), self.forward_once(input2)), 1)
        return self.sigmoid(self.fc(output))


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, a, b, label):
        d = F.pairwise_distance(a, b, keepdim=True)
        return torch.mean((1 - label) * torch.pow(d, 2) + label * torch.pow(torch.clamp(self.margin - d, min=0.0), 2))


torch.manual_seed(4)
a, b = torch.rand(16, 1, 16, 16), torch.rand(16, 1, 16, 16)
same = (torch.arange(16) % 2).float()
b = torch.where(same.view(-1, 1, 1, 1) > 0, a + 0.1 * torch.randn(16, 1, 16, 16), b)
model = SiameseNetwork()
criterion = nn.BCELoss()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
for epoch in range(4):
    optimizer.zero_grad()
    outputs = model(a, b).squeeze()
    loss = criterion(outputs, same)
    loss.backward()
    optimizer.step()
    pred = torch.where(outputs > 0.5, 1, 0)
    print(epoch, loss.item(), pred.eq(same.view_as(pred)).sum().item())
contrast = ContrastiveLoss()(model.forward_once(a), model.forward_once(b), 1 - same.unsqueeze(1))
print(contrast.item())
trip = nn.TripletMarginLoss(margin=1.0)(a.flatten(1), b.flatten(1), b.flip(0).flatten(1))
cos = nn.CosineEmbeddingLoss()(a.flatten(1), b.flatten(1), 2 * same - 1)
print(trip, cos, F.cosine_similarity(a.flatten(1), b.flatten(1))[:4])
