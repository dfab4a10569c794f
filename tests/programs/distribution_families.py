"""Every family of torch.distributions: draws, densities, moments, gradients of draws, and divergences."""

import torch
from torch import distributions as D

torch.manual_seed(3)
t = torch.tensor
p2, p3 = t([0.3, 0.6]), t([0.1, 0.2, 0.7])
FAMILIES = [
    D.Normal(t([0.0, 1.0]), t([1.0, 2.0])), D.LogNormal(t([0.0, 1.0]), t([1.0, 0.5])), D.HalfNormal(t([1.0, 2.0])),
    D.Cauchy(t([0.0, 1.0]), t([1.0, 2.0])), D.HalfCauchy(t([1.0, 2.0])), D.Uniform(t([0.0, 1.0]), t([1.0, 4.0])),
    D.Exponential(t([1.0, 3.0])), D.Laplace(t([0.0, 1.0]), t([1.0, 2.0])), D.Gumbel(t([0.0, 1.0]), t([1.0, 2.0])),
    D.Pareto(t([1.0, 2.0]), t([3.0, 4.0])), D.Weibull(t([1.0, 2.0]), t([1.0, 2.0])), D.Kumaraswamy(t([1.0, 2.0]), t([2.0, 2.0])),
    D.VonMises(t([0.0, 1.0]), t([1.0, 4.0])), D.ContinuousBernoulli(p2), D.Gamma(t([0.5, 2.0]), t([1.0, 3.0])),
    D.Chi2(t([1.0, 3.0])), D.InverseGamma(t([3.0, 4.0]), t([4.0, 1.0])), D.Beta(t([0.5, 2.0]), t([1.0, 3.0])),
    D.Dirichlet(t([0.5, 1.0, 2.0])), D.StudentT(t([3.0, 5.0])), D.FisherSnedecor(t([3.0, 8.0]), t([5.0, 9.0])),
    D.Bernoulli(p2), D.Geometric(p2), D.Binomial(10, p2), D.Binomial(60, p2), D.NegativeBinomial(t([5.0, 6.0]), p2),
    D.Poisson(t([1.0, 20.0])), D.Categorical(p3), D.OneHotCategorical(p3), D.Multinomial(10, p3),
    D.RelaxedBernoulli(t(0.5), p2), D.RelaxedOneHotCategorical(t(0.5), p3),
    D.MultivariateNormal(t([0.0, 1.0]), t([[2.0, 0.5], [0.5, 1.0]])),
    D.LowRankMultivariateNormal(torch.zeros(3), torch.ones(3, 1), torch.ones(3)), D.LKJCholesky(3, 0.5),
    D.LogisticNormal(torch.zeros(2), torch.ones(2)),
    D.MixtureSameFamily(D.Categorical(p3), D.Normal(torch.arange(3.0), torch.ones(3))),
    D.Independent(D.Normal(torch.zeros(2, 3), torch.ones(2, 3)), 1),
]  # fmt: skip


def shown(name, make):
    try:
        print(f"  {name}:", make())
    except NotImplementedError:
        print(f"  {name}: none")


for d in FAMILIES:
    print(d, tuple(d.batch_shape), tuple(d.event_shape), d.support if "tensor" not in repr(d.support) else "")
    x = d.sample((3,))
    print("  draws:", x)
    shown("log_prob", lambda d=d, x=x: d.log_prob(x))
    for name in ("mean", "variance", "mode"):
        shown(name, lambda d=d, name=name: getattr(d, name))
    shown("entropy", d.entropy)
    shown("cdf", lambda d=d, x=x: d.cdf(x))
    shown("icdf", lambda d=d: d.icdf(t(0.3)))
    print("  expanded:", tuple(d.expand((2, *d.batch_shape)).sample().shape))

print("gradients of draws")
for make, start in [(lambda a: D.Gamma(a, 1.0), [0.3, 2.0, 30.0]), (lambda a: D.Dirichlet(a), [0.5, 2.0, 9.0]),
                    (lambda a: D.Beta(a, t([0.7, 3.0, 1.0])), [0.5, 2.0, 9.0]), (lambda a: D.StudentT(a), [3.0, 8.0, 2.0]),
                    (lambda a: D.FisherSnedecor(a, a + 3), [3.0, 8.0, 2.0])]:  # fmt: skip
    a = t(start, requires_grad=True)
    (make(a).rsample((5,)) * torch.arange(1.0, 4.0)).sum().backward()
    print(f"{a.grad[0]:.2f} {a.grad[1]:.2f} {a.grad[2]:.2f}")

print("divergences")
for p in FAMILIES[:24]:
    for q in FAMILIES[:24]:
        if type(p) is type(q) and p is q:
            print(type(p).__name__, end=" ")
            shown("itself", lambda p=p, q=q: D.kl_divergence(p, q).abs() < 1e-5)
for p, q in [(D.Normal(0.0, 1.0), D.Laplace(0.0, 1.0)), (D.Beta(2.0, 3.0), D.Beta(1.0, 1.0)), (D.Gamma(2.0, 1.0), D.Exponential(2.0)),
             (D.Dirichlet(p3), D.Dirichlet(t([1.0, 2.0, 3.0]))), (D.Uniform(0.0, 1.0), D.Normal(0.0, 1.0)),
             (D.Geometric(0.3), D.Geometric(0.6)), (D.Poisson(2.0), D.Poisson(3.0)), (D.Bernoulli(0.3), D.Poisson(2.0)),
             (FAMILIES[32], D.MultivariateNormal(torch.zeros(2), torch.eye(2)))]:  # fmt: skip
    print(type(p).__name__, type(q).__name__, D.kl_divergence(p, q))

print("constraints")
c = D.constraints
print(
    c.simplex.check(p3),
    c.positive_definite.check(torch.eye(2)),
    c.lower_cholesky,
    c.integer_interval(0, 3),
    c.real_vector,
)
for constraint in (
    c.positive,
    c.unit_interval,
    c.interval(-1.0, 2.0),
    c.greater_than(1.5),
    c.less_than(0.5),
    c.simplex,
    c.real,
):
    f = D.transform_to(constraint)
    y = f(t([0.3, -1.0]))
    print(constraint, y, f.inv(y))
f = D.biject_to(c.corr_cholesky)
y = f(t([0.1, 0.2, 0.3]))
print(y, f.inv(y), f.log_abs_det_jacobian(t([0.1, 0.2, 0.3]), y))
flow = D.TransformedDistribution(
    D.Normal(torch.zeros(2), torch.ones(2)), [D.SigmoidTransform(), D.AffineTransform(1.0, 2.0)]
)
print(flow.log_prob(t([1.5, 2.5])), flow.cdf(t([1.5, 2.5])), flow.icdf(t(0.3)), flow.support)
for wrong in (
    lambda: D.Normal(0.0, -1.0),
    lambda: D.Categorical(t([-1.0, 2.0])),
    lambda: D.Normal(0.0, 1.0).log_prob(t(float("nan"))),
):
    try:
        wrong()
    except ValueError as error:
        print(error)
