// Recordings of operations (csrc/ops/replay.h): CUDA graphs.
//
// While a thread records, stream() and blas_handle() are those of the recording, so that the
// operations need not know of it, and the blocks that it allocates stay with the recording: nobody
// else gets them between two replays. Replays are queued on the device's stream.
#include "csrc/ops/replay.h"

#include <mutex>
#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/settings.h"
#include "kernels/device.cuh"
#include "kernels/graph.cuh"

namespace gibbslab::cuda {
namespace {

class CudaRecording : public Recording {
 public:
  CudaRecording(std::unique_ptr<Graph> graph, std::vector<std::shared_ptr<void>> blocks)
      : graph_(std::move(graph)), blocks_(std::move(blocks)) {}
  void replay() override {
    if (!fault("kernel_replay_left_out")) graph_->run(stream());
  }

 private:
  std::unique_ptr<Graph> graph_;
  std::vector<std::shared_ptr<void>> blocks_;
};

// This thread records, as long as it lives.
class Recorded {
 public:
  explicit Recorded(Recorder& here) { recorder() = &here; }
  ~Recorded() { recorder() = nullptr; }
  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;
};

bool plain_steps() { return setting("cuda", "GIBBSLAB_CUDA_STEPS", {"plain", "graph"}) == "plain"; }

void check_blas(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(std::string("[cuda] ") + what + " failed with status " +
                      std::to_string(static_cast<int>(status)));
}

// BLAS for recordings, one at a time. Its working memory is ours, of the size that cuBLAS documents
// as its own: what it allocates itself in a recording would become part of every replay.
class RecordedBlas {
 public:
  cublasHandle_t on(cudaStream_t recording) {
    check_blas(blas().set_stream(handle_, recording), "cublasSetStream");
    check_blas(blas().set_workspace(handle_, workspace_.get(), bytes()), "cublasSetWorkspace");
    return handle_;
  }
  RecordedBlas() { check_blas(blas().create(&handle_), "cublasCreate"); }

  std::mutex mutex;

 private:
  static int64_t bytes() { return int64_t{architecture() >= 90 ? 32 : 4} << 20; }
  cublasHandle_t handle_ = nullptr;
  Scratch<char> workspace_{bytes()};
};

RecordedBlas& recorded_blas() {
  static RecordedBlas* all = new RecordedBlas();  // as the memory
  return *all;
}

struct CudaReplay : ReplayOps {
  std::unique_ptr<Recording> record(const std::function<void()>& work) override {
    if (plain_steps()) return nullptr;
    const OnOurDevice device;
    RecordedBlas& own = recorded_blas();
    const std::lock_guard<std::mutex> lock(own.mutex);
    Recorder here;
    auto graph = std::make_unique<Graph>(
        [&](cudaStream_t s) {
          here.stream = s;
          here.blas = own.on(s);
          const Recorded now(here);
          work();
        },
        cudaStreamCaptureModeRelaxed);
    return std::make_unique<CudaRecording>(std::move(graph), std::move(here.blocks));
  }
};

}  // namespace

ReplayOps& replay_ops() {
  static CudaReplay ops;
  return ops;
}

}  // namespace gibbslab::cuda
