#include "csrc/cpu/blas.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define GIBBSLAB_HAS_FORK 1
#endif

namespace gibbslab::cpu {
namespace {

Sgemm g_sgemm = nullptr;
GetThreads g_get_threads = nullptr;
SetThreads g_set_threads = nullptr;

std::mutex g_mutex;
int g_users = 0, g_saved = 1;
bool g_stale = false;  // the BLAS still has the one thread of users that a fork left behind

#ifdef GIBBSLAB_HAS_FORK
const int g_fork_hook = pthread_atfork([] { g_mutex.lock(); }, [] { g_mutex.unlock(); },
                                       [] {
                                         g_stale = g_stale || g_users > 0;
                                         g_users = 0;
                                         g_mutex.unlock();
                                       });
#endif

bool fits_int(const Gemm& job) {
  const int64_t most = std::max({job.m, job.n, job.k, job.lda, job.ldb, job.ldo});
  return most <= std::numeric_limits<int>::max();
}

void gemm_blas(const Gemm& job) {
  // Row-major out = op(a) op(b) is column-major out^T = op(b)^T op(a)^T.
  char ta = job.ta ? 'T' : 'N', tb = job.tb ? 'T' : 'N';
  int m = static_cast<int>(job.m), n = static_cast<int>(job.n), k = static_cast<int>(job.k);
  int lda = static_cast<int>(job.lda), ldb = static_cast<int>(job.ldb),
      ldo = static_cast<int>(job.ldo);
  float alpha = job.alpha, beta = job.beta;
  g_sgemm(&tb, &ta, &n, &m, &k, &alpha, const_cast<float*>(job.b), &ldb, const_cast<float*>(job.a),
          &lda, &beta, job.out, &ldo);
}

float at(const float* x, int64_t stride, bool transposed, int64_t r, int64_t c) {
  return transposed ? x[c * stride + r] : x[r * stride + c];
}

void gemm_blocked(const Gemm& job) {
  constexpr int64_t kBlock = 64;
  for (int64_t i = 0; i < job.m; ++i)
    for (int64_t j = 0; j < job.n; ++j) {
      float& out = job.out[i * job.ldo + j];
      out = job.beta == 0.0f ? 0.0f : out * job.beta;
    }
  for (int64_t k0 = 0; k0 < job.k; k0 += kBlock)
    for (int64_t i = 0; i < job.m; ++i)
      for (int64_t k = k0; k < std::min(job.k, k0 + kBlock); ++k) {
        const float x = job.alpha * at(job.a, job.lda, job.ta, i, k);
        float* out = job.out + i * job.ldo;
        if (job.tb)
          for (int64_t j = 0; j < job.n; ++j) out[j] += x * job.b[j * job.ldb + k];
        else
          for (int64_t j = 0; j < job.n; ++j) out[j] += x * job.b[k * job.ldb + j];
      }
}

}  // namespace

void set_blas(Sgemm sgemm, GetThreads get_threads, SetThreads set_threads) {
  g_sgemm = sgemm;
  g_get_threads = get_threads;
  g_set_threads = set_threads;
}

bool has_blas() { return g_sgemm != nullptr; }

SingleThreadedBlas::SingleThreadedBlas() {
  if (g_get_threads == nullptr || g_set_threads == nullptr) return;
  std::lock_guard<std::mutex> lock(g_mutex);
#ifdef GIBBSLAB_HAS_FORK
  (void)g_fork_hook;
#endif
  if (g_users++ == 0) {
    if (!std::exchange(g_stale, false)) g_saved = g_get_threads();
    if (g_saved != 1) g_set_threads(1);
  }
}

SingleThreadedBlas::~SingleThreadedBlas() {
  if (g_get_threads == nullptr || g_set_threads == nullptr) return;
  std::lock_guard<std::mutex> lock(g_mutex);
  if (--g_users == 0 && g_saved != 1) g_set_threads(g_saved);
}

void gemm(const Gemm& job) {
  if (job.m == 0 || job.n == 0) return;
  if (has_blas() && job.k > 0 && fits_int(job))
    gemm_blas(job);
  else
    gemm_blocked(job);
}

}  // namespace gibbslab::cpu
