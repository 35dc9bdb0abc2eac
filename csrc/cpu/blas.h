// The CPU's dense product: SciPy's BLAS when the bindings have handed it over, else a blocked loop.
#pragma once

#include <cstdint>

namespace gibbslab::cpu {

// The Fortran sgemm with 32-bit integers.
using Sgemm = void (*)(char* ta, char* tb, int* m, int* n, int* k, float* alpha, float* a, int* lda,
                       float* b, int* ldb, float* beta, float* c, int* ldc);
using GetThreads = int (*)();
using SetThreads = void (*)(int);

// Null function pointers mean: not available.
void set_blas(Sgemm sgemm, GetThreads get_threads, SetThreads set_threads);
bool has_blas();

// Keeps the BLAS to one thread while our own pool runs it in pieces; nests, across threads too.
class SingleThreadedBlas {
 public:
  SingleThreadedBlas();
  ~SingleThreadedBlas();
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;
};

// Row-major out (M, N) = alpha op(a) op(b) + beta out.
struct Gemm {
  bool ta, tb;
  int64_t m, n, k;
  float alpha;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  float beta;
  float* out;
  int64_t ldo;
};
void gemm(const Gemm& job);

}  // namespace gibbslab::cpu
