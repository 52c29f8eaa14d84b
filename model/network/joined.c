/* Operators of a training step that read and write memory once instead of several times; called by joined.py, which
   compiles this twice: for float, and with SHORT for bfloat16. Rows of d numbers lie one after the other.

   `bits` are random; a number is kept, and multiplied by `scale`, where they are at least `least`. A call divides its
   rows among `parts` threads in a fixed way, and each has its own row of the sums over rows, so results depend on the
   number of threads, but not on their order. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef SHORT
typedef uint16_t number;
static inline float get(number x) {
  union { uint32_t bits; float value; } both = {(uint32_t)x << 16};
  return both.value;
}
static inline number put(float value) { /* rounded to the nearest, ties to even */
  uint32_t bits;
  memcpy(&bits, &value, 4);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return value != value ? 0x7fc0 : bits;
}
#else
typedef float number;
static inline float get(number x) { return x; }
static inline number put(float value) { return value; }
#endif

#define PRAGMA(text) _Pragma(#text)
#define EACH PRAGMA(omp simd) for (long j = 0; j < d; j++)
#define SUM(...) PRAGMA(omp simd reduction(+ : __VA_ARGS__)) for (long j = 0; j < d; j++)
#define PARTS PRAGMA(omp parallel for schedule(static, 1) num_threads(parts)) for (int part = 0; part < parts; part++)
#define ROWS for (long row = rows * part / parts; row < rows * (part + 1) / parts; row++)

/* y = dropout(PReLU(x)) */
void activate(const number *restrict x, float slope, const int16_t *restrict bits, int least, float scale,
              number *restrict y, int parts, long rows, long d) {
  PARTS ROWS {
    const number *in = x + row * d;
    const int16_t *drawn = bits + row * d;
    number *out = y + row * d;
    EACH {
      float value = get(in[j]);
      value = value > 0 ? value : value * slope;
      out[j] = put(drawn[j] >= least ? value * scale : 0);
    }
  }
}

/* Gradients of x, of the slope (parts), and of a bias that was added to x (parts, d) */
void activate_backward(const number *restrict for_y, const number *restrict x, float slope,
                       const int16_t *restrict bits, int least, float scale, number *restrict for_x,
                       double *for_slope, float *for_bias, int parts, long rows, long d) {
  PARTS {
    float *restrict bias = for_bias + part * d;
    double total = 0;
    ROWS {
      const number *in = x + row * d, *g = for_y + row * d;
      const int16_t *drawn = bits + row * d;
      number *out = for_x + row * d;
      float sum = 0;
      SUM(sum) {
        float kept = drawn[j] >= least ? get(g[j]) * scale : 0, value = get(in[j]);
        sum += kept * (value < 0 ? value : 0);
        kept = value > 0 ? kept : kept * slope;
        out[j] = put(kept);
        bias[j] += kept;
      }
      total += sum;
    }
    for_slope[part] = total;
  }
}

/* z = x + dropout(h); y = layer norm of z; moments: mean and 1 / standard deviation of each row */
void add_and_norm(const float *restrict x, const number *restrict h, const int16_t *restrict bits, int least,
                  float scale, const float *restrict weight, const float *restrict shift, float epsilon,
                  float *restrict z, float *restrict y, float *restrict moments, int parts, long rows, long d) {
  PARTS ROWS {
    const float *in = x + row * d;
    const number *added = h + row * d;
    const int16_t *drawn = bits + row * d;
    float *sums = z + row * d, *out = y + row * d, mean = 0, square = 0;
    SUM(mean) {
      float value = in[j] + (drawn[j] >= least ? get(added[j]) * scale : 0);
      sums[j] = value;
      mean += value;
    }
    mean /= d;
    SUM(square) square += (sums[j] - mean) * (sums[j] - mean);
    float factor = 1 / sqrtf(square / d + epsilon);
    EACH out[j] = (sums[j] - mean) * factor * weight[j] + shift[j];
    moments[2 * row] = mean;
    moments[2 * row + 1] = factor;
  }
}

/* Gradients of x and h, and in `sums` (parts, 3, d) of weight, shift, and a bias that was added to h; for_z may be 0 */
void add_and_norm_backward(const float *restrict for_y, const float *restrict for_z, const float *restrict z,
                           const float *restrict moments, const int16_t *restrict bits, int least, float scale,
                           const float *restrict weight, float *restrict for_x, number *restrict for_h, float *sums,
                           int parts, long rows, long d) {
  PARTS {
    float *restrict for_weight = sums + 3 * part * d, *restrict for_shift = for_weight + d;
    float *restrict bias = for_shift + d;
    ROWS {
      const float *g = for_y + row * d, *in = z + row * d, *more = for_z ? for_z + row * d : 0;
      const int16_t *drawn = bits + row * d;
      const float mean = moments[2 * row], factor = moments[2 * row + 1];
      float *out = for_x + row * d, a = 0, b = 0;
      number *short_out = for_h + row * d;
      SUM(a, b) {
        float normed = (in[j] - mean) * factor, weighted = g[j] * weight[j];
        a += weighted;
        b += weighted * normed;
        for_weight[j] += g[j] * normed;
        for_shift[j] += g[j];
      }
      a /= d;
      b /= d;
      EACH {
        float value = factor * (g[j] * weight[j] - a - (in[j] - mean) * factor * b);
        value += more ? more[j] : 0;
        out[j] = value;
        value = drawn[j] >= least ? value * scale : 0;
        short_out[j] = put(value);
        bias[j] += value;
      }
    }
  }
}
