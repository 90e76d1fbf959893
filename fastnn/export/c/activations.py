"""Activations in C. None of them overflows on the way to a result that is finite, and all of them let NaN through."""

from collections.abc import Iterable

from fastnn.export.c.template import Dialect

#: f(z) of one number, by name; identity needs none.
FUNCTIONS = {
    "relu": """
/* max(z, 0) */
static inline float model_relu(float z)
{
    return z < 0 ? 0 : z;
}
""",
    "leaky_relu": """
/* z if z > 0, else 0.01 z */
static inline float model_leaky_relu(float z)
{
    return z > 0 ? z : 0.01f * z;
}
""",
    "elu": """
/* z if z > 0, else exp(z) - 1 */
static inline float model_elu(float z)
{
    return z > 0 ? z : expm1f(z);
}
""",
    "selu": """
/* s z if z > 0, else s alpha (exp(z) - 1) */
static inline float model_selu(float z)
{
    return 1.0507009873554805f * (z > 0 ? z : 1.6732632423543772f * expm1f(z));
}
""",
    "sigmoid": """
/* 1 / (1 + exp(-z)) */
static inline float model_sigmoid(float z)
{
    const float e = expf(-fabsf(z));
    return (z < 0 ? e : 1) / (1 + e);
}
""",
    "tanh": """
/* tanh(z) */
static inline float model_tanh(float z)
{
    return tanhf(z);
}
""",
    "softplus": """
/* log(1 + exp(z)) */
static inline float model_softplus(float z)
{
    return (z < 0 ? 0 : z) + log1pf(expf(-fabsf(z)));
}
""",
    "silu": """
/* z / (1 + exp(-z)) */
static inline float model_silu(float z)
{
    return z * model_sigmoid(z);
}
""",
    "gelu": """
/* z Phi(z), where Phi(z) = erfc(-z / sqrt(2)) / 2 */
static inline float model_gelu(float z)
{
    return z * (0.5f * erfcf(-0.7071067811865476f * z));
}
""",
    "mish": """
/* z tanh(log(1 + exp(z))) = z n / (n + 2), where n = exp(z) (exp(z) + 2); from z = 40 on, that is z */
static inline float model_mish(float z)
{
    const float e = expf(z > 40 ? 40 : z);
    const float n = e * (e + 2);
    return z * (n / (n + 2));
}
""",
    "exponential": """
/* exp(z) */
static inline float model_exponential(float z)
{
    return expf(z);
}
""",
    "softmax": """
/* exp(z_k) / sum_j exp(z_j), of all n numbers */
static inline void model_softmax(float *z, int n)
{
    float largest = z[0], sum = 0;
    for (int k = 1; k < n; ++k)
        largest = z[k] > largest ? z[k] : largest;
    for (int k = 0; k < n; ++k) {
        z[k] = expf(z[k] - largest);
        sum += z[k];
    }
    for (int k = 0; k < n; ++k)
        z[k] /= sum;
}
""",
}

#: What an activation calls.
_CALLED = {"silu": ("sigmoid",)}


def definitions(dialect: Dialect, used: Iterable[str]) -> str:
    """The functions for these activations."""
    used = set(used)
    needed = used.union(*(_CALLED.get(name, ()) for name in used))
    return "\n".join(dialect.fill(function) for name, function in FUNCTIONS.items() if name in needed)
