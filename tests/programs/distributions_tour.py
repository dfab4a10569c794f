import torch
from torch.distributions import (Bernoulli, Beta, Categorical, Dirichlet, Exponential, Gamma, Independent, Laplace, MultivariateNormal,
                                 Normal, OneHotCategorical, Poisson, Uniform, kl_divergence)

torch.manual_seed(0)
loc = torch.tensor([0.0, 1.0], requires_grad=True)
d = Normal(loc, torch.tensor([1.0, 2.0]))
print(d, d.mean, d.stddev, d.entropy(), d.log_prob(torch.tensor([0.5, 0.5])), d.cdf(torch.tensor(0.0)))
s = d.rsample((3,))
print(s, d.sample().requires_grad)
(s ** 2).mean().backward()
print(loc.grad)
c = Categorical(logits=torch.tensor([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]]))
a = c.sample()
print(c.probs, a, c.log_prob(a), c.entropy(), c.sample((2,)).shape)
b = Bernoulli(torch.tensor([0.3, 0.9]))
print(b.sample((4,)), b.log_prob(torch.tensor([1.0, 0.0])), b.entropy(), b.logits)
print(Uniform(0.0, 2.0).sample((3,)), Uniform(-1.0, 1.0).log_prob(torch.tensor([0.5])), Exponential(torch.tensor(2.0)).sample((3,)))
print(Laplace(0.0, 1.0).rsample((2,)), Beta(2.0, 3.0).log_prob(torch.tensor(0.4)), Gamma(2.0, 1.5).log_prob(torch.tensor(1.1)))
m = MultivariateNormal(torch.zeros(2), torch.tensor([[2.0, 0.3], [0.3, 1.0]]))
print(m.sample(), m.log_prob(torch.ones(2)), m.entropy(), m.covariance_matrix)
print(kl_divergence(Normal(0.0, 1.0), Normal(1.0, 2.0)), kl_divergence(c, Categorical(torch.ones(3))), kl_divergence(b, Bernoulli(0.5)))
print(Independent(Normal(torch.zeros(3), torch.ones(3)), 1).log_prob(torch.ones(3)), Poisson(torch.tensor(3.0)).log_prob(torch.tensor(2.0)))
print(Dirichlet(torch.tensor([1.0, 2.0, 3.0])).log_prob(torch.tensor([0.2, 0.3, 0.5])), OneHotCategorical(torch.tensor([0.1, 0.9])).sample((2,)))
try:
    Normal(torch.zeros(1), -torch.ones(1))
except ValueError as e:
    print("ValueError", "positive" in str(e) or "GreaterThan" in str(e))
