import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from collections import namedtuple
from torch.distributions import Normal

SavedAction = namedtuple('SavedAction', ['log_prob', 'value'])


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(1, 16)
        self.mu = nn.Linear(16, 1)
        self.log_std = nn.Parameter(torch.zeros(1))
        self.value_head = nn.Linear(16, 1)

    def forward(self, x):
        x = torch.tanh(self.affine1(x))
        return Normal(self.mu(x), self.log_std.exp()), self.value_head(x)


torch.manual_seed(2)
model = ActorCritic()
optimizer = optim.Adam(model.parameters(), lr=3e-2)
for episode in range(15):
    state, saved, rewards = torch.tensor([[1.0]]), [], []
    for t in range(6):
        dist, value = model(state)
        action = dist.sample()
        saved.append(SavedAction(dist.log_prob(action).sum(-1), value))
        state = (state + 0.5 * action).clamp(-3, 3)
        rewards.append(-state.pow(2).item())
    R, returns = 0.0, []
    for r in reversed(rewards):
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    policy_losses, value_losses = [], []
    for (log_prob, value), R in zip(saved, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([[R]])))
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - 0.01 * dist.entropy().sum()
    loss.backward()
    optimizer.step()
    if episode % 5 == 4:
        print(episode, f"{sum(rewards):.3f} {loss.item():.4f}")
print(model.log_std)
