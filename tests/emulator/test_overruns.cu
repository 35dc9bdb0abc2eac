// Reads and writes out of bounds, for the address and undefined-behaviour sanitizers to find. Run
// as `test_emulator_overruns NAME`; only `none` ends well under them.
#include <cstdio>

#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

__global__ void write_global(float* x, int size, bool beyond) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (beyond ? i <= size : i < size) x[i] = 1.0f;
}

__global__ void write_dynamic(float* out, int at) {
  float* tile = dynamic_shared<float>();
  tile[at + static_cast<int>(threadIdx.x)] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = tile[31 - threadIdx.x];
}

__global__ void write_static(float* out, int columns) {
  __shared__ float tile[4][8];
  if (threadIdx.x == 0)
    for (int c = 0; c < columns; ++c) tile[3][c] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = tile[3][threadIdx.x % 8];
}

__global__ void read_vector(const float* in, float* out, int offset) {
  const float4 v = *reinterpret_cast<const float4*>(in + offset);
  out[0] = v.x + v.w;
}

__global__ void use_after_free(float* x) { x[threadIdx.x] = 1.0f; }

void run_none() {
  DeviceArray<float> x(100), out(32);
  launch(write_global, 4, 32, 0, nullptr, x.data(), 100, false);
  launch(write_dynamic, 2, 32, 128, nullptr, out.data(), 0);
  launch(write_static, 2, 32, 0, nullptr, out.data(), 8);
  launch(read_vector, 1, 1, 0, nullptr, x.data(), out.data(), 96);
}

void run(const std::string& name) {
  DeviceArray<float> x(100), out(32);
  float* freed = nullptr;
  if (name == "none") run_none();
  if (name == "global") launch(write_global, 4, 32, 0, nullptr, x.data(), 100, true);
  if (name == "dynamic") launch(write_dynamic, 2, 32, 128, nullptr, out.data(), 1);
  if (name == "static") launch(write_static, 2, 32, 0, nullptr, out.data(), 9);
  if (name == "vector") launch(read_vector, 1, 1, 0, nullptr, x.data(), out.data(), 1);
  if (name == "freed") {
    check(cudaMalloc(&freed, 128), "cudaMalloc");
    check(cudaFree(freed), "cudaFree");
    launch(use_after_free, 1, 32, 0, nullptr, freed);
  }
}

}  // namespace
}  // namespace gibbslab

int main(int count, char** names) {
  const std::string name = count > 1 ? names[1] : "none";
  gibbslab::run(name);
  std::printf("ran %s\n", name.c_str());
  return 0;
}
