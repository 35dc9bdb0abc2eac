// Work that is recorded once and then replayed: a CUDA graph.
#pragma once

#include "kernels/our_device.cuh"

namespace gibbslab {

class Graph {
 public:
  // Records what `queue` puts on the stream that it gets. That stream is its own: what other
  // threads queue meanwhile stays out. Memory may be allocated meanwhile in the relaxed mode alone.
  template <class Queue>
  explicit Graph(const Queue& queue,
                 cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
    const OnOurDevice here;
    const Stream own;
    check(cudaStreamBeginCapture(own.get(), mode), "cudaStreamBeginCapture");
    cudaGraph_t recorded = nullptr;
    try {
      queue(own.get());
    } catch (...) {
      cudaStreamEndCapture(own.get(), &recorded);
      if (recorded != nullptr) cudaGraphDestroy(recorded);
      cudaGetLastError();
      throw;
    }
    check(cudaStreamEndCapture(own.get(), &recorded), "cudaStreamEndCapture");
    const cudaError_t made = cudaGraphInstantiate(&executable_, recorded, 0);
    cudaGraphDestroy(recorded);
    check(made, "cudaGraphInstantiate");
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() { (void)cudaGraphExecDestroy(executable_); }

  void run(cudaStream_t stream) const {
    const OnOurDevice here;
    check(cudaGraphLaunch(executable_, stream), "cudaGraphLaunch");
  }

 private:
  class Stream {
   public:
    Stream() {
      check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    }
    ~Stream() { cudaStreamDestroy(stream_); }
    cudaStream_t get() const { return stream_; }

   private:
    cudaStream_t stream_{};
  };

  cudaGraphExec_t executable_{};
};

}  // namespace gibbslab
