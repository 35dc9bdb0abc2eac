// The runtime's stand-in: copies, graphs, failing calls, memory bounds, missing and old devices.
#include <cmath>
#include <cstdlib>

#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

__global__ void add(float* x, float by, int size) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < size) x[i] += by;
}

struct Stream {
  cudaStream_t at = nullptr;
  Stream() { check(cudaStreamCreateWithFlags(&at, cudaStreamNonBlocking), "cudaStreamCreate"); }
  ~Stream() { cudaStreamDestroy(at); }
};

void expect_error(cudaError_t got, cudaError_t expected) {
  if (got != expected)
    check::fail(
        __FILE__, __LINE__,
        std::string("got ") + cudaGetErrorName(got) + ", expected " + cudaGetErrorName(expected));
  cudaGetLastError();
}

// Allocates, copies, launches, reads back, frees: the calls of a small program.
void small_program() {
  Stream stream;
  DeviceArray<float> x(std::vector<float>(10, 1.0f));
  launch(add, 1, 32, 0, stream.at, x.data(), 1.0f, 10);
  check(cudaStreamSynchronize(stream.at), "cudaStreamSynchronize");
  CHECK(x.read()[9] == 2.0f);
}

}  // namespace

TEST(new_memory_is_poison) {
  DeviceArray<float> x(33);
  for (const float v : x.read()) CHECK(std::isnan(v));
}

TEST(copies_check_direction_and_range) {
  DeviceArray<float> x(std::vector<float>(8, 1));
  std::vector<float> host(16, 0);
  expect_error(cudaMemcpy(x.data(), host.data(), 36, cudaMemcpyHostToDevice),
               cudaErrorInvalidValue);
  expect_error(cudaMemcpy(host.data(), x.data(), 32, cudaMemcpyHostToDevice),
               cudaErrorInvalidValue);
  expect_error(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
  expect_error(cudaMemcpy2D(host.data(), 32, x.data(), 16, 8, 2, cudaMemcpyDeviceToHost),
               cudaSuccess);
  CHECK(host[0] == 1 && host[1] == 1 && host[2] == 0 && host[8] == 1 && host[10] == 0);
  expect_error(cudaFree(host.data()), cudaErrorInvalidValue);
}

TEST(graph_replays_what_was_captured) {
  Stream stream;
  DeviceArray<float> x(std::vector<float>(100, 0));
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(stream.at, cudaStreamCaptureModeThreadLocal), "begin");
  check(cudaMemsetAsync(x.data(), 0, 400, stream.at), "memset");
  launch(add, 4, 32, 0, stream.at, x.data(), 1.5f, 100);
  launch(add, 4, 32, 0, stream.at, x.data(), 1.0f, 100);
  cudaStreamCaptureStatus status;
  check(cudaStreamIsCapturing(stream.at, &status), "status");
  CHECK(status == cudaStreamCaptureStatusActive);
  check(cudaStreamEndCapture(stream.at, &graph), "end");
  CHECK(x.read()[99] == 0);
  size_t nodes = 0;
  check(cudaGraphGetNodes(graph, nullptr, &nodes), "nodes");
  CHECK(nodes == 3);
  check(cudaGraphInstantiate(&executable, graph), "instantiate");
  check(cudaGraphDestroy(graph), "destroy");
  for (int repeat = 0; repeat < 3; ++repeat) {
    check(cudaGraphLaunch(executable, stream.at), "launch");
    check(cudaStreamSynchronize(stream.at), "synchronize");
    CHECK(x.read()[99] == 2.5f);
  }
  check(cudaGraphExecDestroy(executable), "destroy");
}

// What a host may rely on, and no more: a non-blocking stream has done nothing until waited for.
TEST(lazy_streams_run_when_waited_for) {
  gibbslab_emulator_set_lazy(1);
  Stream first, second;
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  DeviceArray<float> x(std::vector<float>(4, 0));
  std::vector<float> pageable(4, 5);
  check(cudaMemcpyAsync(x.data(), pageable.data(), 16, cudaMemcpyHostToDevice, first.at), "copy");
  pageable.assign(4, 100);
  check(cudaEventRecord(event, first.at), "cudaEventRecord");
  launch(add, 1, 32, 0, first.at, x.data(), 1000.0f, 4);
  CHECK(x.read()[0] == 0);
  check(cudaStreamWaitEvent(second.at, event), "cudaStreamWaitEvent");
  launch(add, 1, 32, 0, second.at, x.data(), 1.0f, 4);
  CHECK(x.read()[0] == 0);
  check(cudaStreamSynchronize(second.at), "cudaStreamSynchronize");
  CHECK(x.read()[0] == 6);
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  CHECK(x.read()[0] == 1006);
  check(cudaEventDestroy(event), "cudaEventDestroy");
  gibbslab_emulator_reset();
}

TEST(allocation_spoils_a_capture) {
  Stream stream;
  void* at = nullptr;
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(stream.at, cudaStreamCaptureModeGlobal), "begin");
  expect_error(cudaMalloc(&at, 16), cudaErrorStreamCaptureUnsupported);
  expect_error(cudaStreamEndCapture(stream.at, &graph), cudaErrorStreamCaptureInvalidated);
  CHECK(graph == nullptr && cudaMalloc(&at, 16) == cudaSuccess && cudaFree(at) == cudaSuccess);
}

TEST(memory_is_bounded) {
  gibbslab_emulator_set_memory(gibbslab_emulator_allocated() + 1000);
  size_t free_bytes = 0, total = 0;
  check(cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
  CHECK(free_bytes == 1000 && total >= 1000);
  {
    DeviceArray<char> half(500);
    CHECK_THROWS(DeviceMemoryError, "out of memory", DeviceArray<char>(501));
    CHECK(cudaGetLastError() == cudaSuccess);
  }
  const DeviceArray<char> whole(1000);
  gibbslab_emulator_reset();
}

TEST(each_call_can_fail) {
  small_program();
  for (const char* kind : {"malloc", "stream", "memcpy", "launch", "sync"}) {
    gibbslab_emulator_fail("");
    small_program();
    const long calls = gibbslab_emulator_calls(kind);
    CHECK(calls > 0);
    for (long n = 1; n <= calls; ++n) {
      CHECK(gibbslab_emulator_fail((std::string(kind) + ":" + std::to_string(n)).c_str()) == 0);
      CHECK_THROWS(DeviceError, "[cuda]", small_program());
      gibbslab_emulator_reset();
    }
  }
  small_program();
}

TEST(named_codes_and_sticky_ones) {
  void* at = nullptr;
  CHECK(gibbslab_emulator_fail("malloc:2=1") == 0);
  expect_error(cudaMalloc(&at, 4), cudaSuccess);
  expect_error(cudaFree(at), cudaSuccess);
  expect_error(cudaMalloc(&at, 4), cudaErrorInvalidValue);
  expect_error(cudaMalloc(&at, 4), cudaSuccess);
  expect_error(cudaFree(at), cudaSuccess);
  CHECK(gibbslab_emulator_fail("malloc:1+") == 0);
  for (int i = 0; i < 3; ++i) expect_error(cudaMalloc(&at, 4), cudaErrorMemoryAllocation);
  CHECK(gibbslab_emulator_fail("memset:1=700") == 0);
  DeviceArray<char>* none = nullptr;
  CHECK(none == nullptr);
  expect_error(cudaMemset(nullptr, 0, 0), cudaErrorIllegalAddress);
  expect_error(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  CHECK_THROWS(DeviceError, "the device is lost", small_program());
  gibbslab_emulator_reset();
  CHECK(gibbslab_emulator_fail("no such thing") == 1);
  CHECK(gibbslab_emulator_fail("malloc:0") == 1);
  gibbslab_emulator_reset();
}

TEST(missing_and_old_devices) {
  int count = 9;
  gibbslab_emulator_set_devices(0);
  expect_error(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  CHECK(count == 0);
  gibbslab_emulator_set_devices(1);
  gibbslab_emulator_set_driver(11080);
  expect_error(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
  gibbslab_emulator_set_driver(13000);
  gibbslab_emulator_set_compute_capability(60);
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "attribute");
  CHECK(major == 6);
  CHECK_THROWS(DeviceError, "cudaErrorNoKernelImageForDevice", small_program());
  gibbslab_emulator_reset();
  small_program();
}

TEST(streams_belong_to_the_device_that_was_current) {
  cudaStream_t stream{};
  cudaEvent_t event{};
  int device = 9;
  gibbslab_emulator_set_devices(2);
  expect_error(cudaSetDevice(2), cudaErrorInvalidDevice);
  check(cudaSetDevice(1), "cudaSetDevice");
  check(cudaStreamCreate(&stream), "cudaStreamCreate");
  DeviceArray<float> x(4);
  launch(add, 1, 4, 0, nullptr, x.data(), 1.0f, 4);  // on the first device, for this long only
  check(cudaGetDevice(&device), "cudaGetDevice");
  CHECK(device == 1);
  cudaPointerAttributes where{};
  check(cudaPointerGetAttributes(&where, x.data()), "cudaPointerGetAttributes");
  CHECK(where.device == 1);
  CHECK_THROWS(DeviceError, "cudaErrorInvalidResourceHandle",
               launch(add, 1, 1, 0, stream, x.data(), 1.0f, 4));
  check(cudaSetDevice(0), "cudaSetDevice");
  check(cudaEventCreate(&event), "cudaEventCreate");
  expect_error(cudaEventRecord(event, stream), cudaErrorInvalidResourceHandle);
  cudaEventDestroy(event);
  cudaStreamDestroy(stream);
  gibbslab_emulator_reset();
}

TEST(wrong_shapes_are_refused) {
  DeviceArray<float> x(4);
  CHECK_THROWS(DeviceError, "cudaErrorInvalidConfiguration",
               launch(add, 1, 1025, 0, nullptr, x.data(), 1.0f, 4));
  CHECK_THROWS(DeviceError, "cudaErrorInvalidConfiguration",
               launch(add, dim3(1, 65536), 1, 0, nullptr, x.data(), 1.0f, 4));
  CHECK_THROWS(DeviceError, "launch of _ZN8gibbslab",
               launch(add, 1, dim3(1, 1, 65), 0, nullptr, x.data(), 1.0f, 4));
}

TEST(errors_have_names) {
  CHECK(std::string(cudaGetErrorName(cudaErrorIllegalAddress)) == "cudaErrorIllegalAddress");
  CHECK(std::string(cudaGetErrorString(cudaErrorIllegalAddress)) ==
        "an illegal memory access was encountered");
  CHECK(std::string(cudaGetErrorName(static_cast<cudaError_t>(123456))) ==
        "unrecognized error code");
}

}  // namespace gibbslab
