"""Random matrices and what lies beyond a threshold: Wishart and generalised Pareto distributions."""

import torch, torch.distributions as D

torch.manual_seed(0)
c = torch.tensor([[2.0, 0.5], [0.5, 1.0]])
w = D.Wishart(torch.tensor(4.0), c)
print(w)
print(w.mean, w.mode, w.variance, w.event_shape, w.batch_shape, w.entropy())
s = w.rsample()
print(s.shape, bool((torch.linalg.eigvalsh(s) > 0).all()))
print(w.log_prob(torch.tensor([[1.0, 0.2], [0.2, 2.0]])))
print(w.scale_tril, w.precision_matrix, w.covariance_matrix)
w2 = D.Wishart(torch.tensor([3.0, 5.0]), scale_tril=torch.linalg.cholesky(c))
print(w2.batch_shape, w2.sample((3,)).shape, w2.log_prob(c), w2.entropy(), w2.mean)
w3 = D.Wishart(torch.tensor(3.0), precision_matrix=torch.eye(2))
print(w3.covariance_matrix, w3.mode)
print(w.expand((2,)).batch_shape)
torch.manual_seed(0)
n = D.Wishart(torch.tensor(4.0), c).sample((20000,))
print((n.mean(0) - w.mean).abs().max() < 0.2)
try:
    D.Wishart(torch.tensor(0.5), c)
except ValueError as e:
    print("ValueError", str(e)[:60])
print(round(D.kl_divergence(D.Wishart(torch.tensor(4.0), c), D.Wishart(torch.tensor(5.0), torch.eye(2))).item(), 4))
df = torch.tensor(4.0, requires_grad=True)
D.Wishart(df, c).log_prob(c).backward()
print(df.grad)
g = D.GeneralizedPareto(torch.tensor(1.0), torch.tensor(2.0), torch.tensor(0.2))
print(g)
print(
    g.mean,
    g.variance,
    g.entropy(),
    g.log_prob(torch.tensor(3.0)),
    g.cdf(torch.tensor(3.0)),
    g.icdf(torch.tensor(0.7)),
    g.support,
    g.mode,
)
print(
    g.sample((2,)).shape,
    D.GeneralizedPareto(0.0, 1.0, 0.0).log_prob(torch.tensor(1.0)),
    D.GeneralizedPareto(0.0, 1.0, -0.5).support,
    D.GeneralizedPareto(0.0, 1.0, -0.5).cdf(torch.tensor(1.0)),
    D.GeneralizedPareto(0.0, 1.0, 0.6).variance,
    D.GeneralizedPareto(0.0, 1.0, 1.2).mean,
)
torch.manual_seed(3)
print(D.GeneralizedPareto(torch.zeros(3), torch.ones(3), torch.tensor([0.0, 0.3, -0.5])).sample())
torch.manual_seed(3)
print(D.Wishart(torch.tensor(4.0), c).sample())
