import torch
import torch.nn.functional as F


def top_k_top_p_filtering(logits, top_k=0, top_p=0.0, filter_value=-float('Inf')):
    top_k = min(top_k, logits.size(-1))
    if top_k > 0:
        indices_to_remove = logits < torch.topk(logits, top_k)[0][..., -1, None]
        logits[indices_to_remove] = filter_value
    if top_p > 0.0:
        sorted_logits, sorted_indices = torch.sort(logits, descending=True)
        cumulative_probs = torch.cumsum(F.softmax(sorted_logits, dim=-1), dim=-1)
        remove = cumulative_probs > top_p
        remove[..., 1:] = remove[..., :-1].clone()
        remove[..., 0] = 0
        logits[sorted_indices[remove]] = filter_value
    return logits


torch.manual_seed(0)
logits = torch.randn(10)
print(top_k_top_p_filtering(logits.clone(), top_k=3), top_k_top_p_filtering(logits.clone(), top_p=0.6))
print(torch.multinomial(F.softmax(top_k_top_p_filtering(logits.clone(), top_k=4), -1), 5, replacement=True))
trans = F.log_softmax(torch.randn(6, 6), dim=-1)
beams = [([0], 0.0)]
for _ in range(4):
    cand = []
    for seq, score in beams:
        vals, idx = trans[seq[-1]].topk(2)
        cand += [(seq + [i.item()], score + v.item()) for v, i in zip(vals, idx)]
    beams = sorted(cand, key=lambda c: c[1], reverse=True)[:3]
print([(s, round(v, 4)) for s, v in beams])
# k-means and principal components
X = torch.cat([torch.randn(20, 2) + c for c in torch.tensor([[0., 0.], [5., 5.], [0., 6.]])])
centers = X[torch.randperm(60)[:3]]
for _ in range(10):
    assign = torch.cdist(X, centers).argmin(1)
    centers = torch.stack([X[assign == k].mean(0) if (assign == k).any() else centers[k] for k in range(3)])
print(centers[centers[:, 0].argsort()], torch.bincount(assign, minlength=3).sum())
U, S, Vh = torch.linalg.svd(X - X.mean(0), full_matrices=False)
print(S, Vh.abs())
# Gaussian process posterior
xs = torch.linspace(0, 3, 6)[:, None]
ys = torch.sin(xs).squeeze()
raw = torch.tensor([0.0, 0.0, -2.0], requires_grad=True)
opt = torch.optim.Adam([raw], lr=0.1)
for i in range(20):
    ell, var, noise = raw.exp()
    K = var * torch.exp(-0.5 * torch.cdist(xs, xs) ** 2 / ell ** 2) + noise * torch.eye(6)
    L = torch.linalg.cholesky(K)
    alpha = torch.cholesky_solve(ys[:, None], L)
    nll = 0.5 * ys @ alpha.squeeze() + L.diagonal().log().sum()
    opt.zero_grad()
    nll.backward()
    opt.step()
print(nll.item(), raw.detach())
# Hamiltonian Monte Carlo on a correlated normal
cov = torch.tensor([[1.0, 0.8], [0.8, 1.0]])
prec = torch.linalg.inv(cov)
q, kept = torch.zeros(2), []
for it in range(60):
    p = torch.randn(2)
    q_new, p_new = q.clone().requires_grad_(True), p.clone()
    energy = lambda v: 0.5 * v @ prec @ v
    for _ in range(8):
        g, = torch.autograd.grad(energy(q_new), q_new)
        p_new = p_new - 0.1 * g
        q_new = (q_new + 0.2 * p_new).detach().requires_grad_(True)
        g, = torch.autograd.grad(energy(q_new), q_new)
        p_new = p_new - 0.1 * g
    dH = energy(q_new) + 0.5 * p_new @ p_new - energy(q) - 0.5 * p @ p
    if torch.rand(1) < torch.exp(-dH):
        q = q_new.detach()
    kept.append(q)
print(torch.stack(kept).mean(0), torch.stack(kept).T.cov())
