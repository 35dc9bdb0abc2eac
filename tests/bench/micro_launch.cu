// What it costs to start a kernel that depends on the one before: in a stream, in a graph, and in a
// graph with programmatic dependent launch. Each of a grid's blocks counts the kernels it has seen;
// a wrong count means that a kernel started too early.
#include "kernels/launch.cuh"
#include "kernels/leaf.cuh"
#include "tests/bench/micro.cuh"

namespace gibbslab::bench {
namespace {

constexpr int kChain = 50;  // kernels of one graph

__global__ void count_kernels(unsigned* counts) {
  let_next_kernel_start();
  wait_for_previous_kernel();
  if (threadIdx.x == 0) counts[blockIdx.x] += 1;
}

enum class Dependence { kPlain, kProgrammatic };

void queue_chain(int kernels, int blocks, Dependence how, cudaStream_t s, unsigned* counts) {
  for (int i = 0; i < kernels; ++i)
    if (how == Dependence::kProgrammatic)
      launch_dependent(count_kernels, dim3(blocks), dim3(kThreads), 0, s, counts);
    else
      launch(count_kernels, dim3(blocks), dim3(kThreads), 0, s, counts);
}

class Graph {
 public:
  Graph(int blocks, Dependence how, cudaStream_t s, unsigned* counts) {
    cudaGraph_t graph{};
    check(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    queue_chain(kChain, blocks, how, s, counts);
    check(cudaStreamEndCapture(s, &graph), "cudaStreamEndCapture");
    check(cudaGraphInstantiate(&executable_, graph, 0), "cudaGraphInstantiate");
    check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }
  ~Graph() { cudaGraphExecDestroy(executable_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void replay(cudaStream_t s) { check(cudaGraphLaunch(executable_, s), "cudaGraphLaunch"); }

 private:
  cudaGraphExec_t executable_{};
};

// Every block must have seen every kernel.
void expect_counts(const Zeros<unsigned>& counts, int blocks, unsigned kernels) {
  std::vector<unsigned> seen(blocks);
  check(cudaMemcpy(seen.data(), counts.get(), blocks * sizeof(unsigned), cudaMemcpyDeviceToHost),
        "cudaMemcpy");
  for (const unsigned n : seen)
    if (n != kernels)
      throw DeviceError("a block counted " + std::to_string(n) + " kernels of " +
                        std::to_string(kernels));
}

void gaps_of(int blocks, const Effort& effort) {
  Clock clock;
  const Zeros<unsigned> counts(blocks);
  const int graphs = effort.pick(20, 1), kernels = graphs * kChain, runs = effort.repeats() + 1;
  const std::string shape = ", " + std::to_string(blocks) + (blocks == 1 ? " block" : " blocks");
  const auto told = [&](const char* how, double seconds) {
    report(std::string("launch: ") + how + shape, 1e6 * seconds / kernels, "us/kernel");
  };
  told("stream", clock.median(effort.repeats(), [&] {
    queue_chain(kernels, blocks, Dependence::kPlain, clock.stream(), counts.get());
  }));
  for (const Dependence how : {Dependence::kPlain, Dependence::kProgrammatic}) {
    Graph graph(blocks, how, clock.stream(), counts.get());
    told(how == Dependence::kPlain ? "graph" : "graph, dependent",
         clock.median(effort.repeats(), [&] {
           for (int i = 0; i < graphs; ++i) graph.replay(clock.stream());
         }));
  }
  expect_counts(counts, blocks, static_cast<unsigned>(3 * kernels * runs));
}

}  // namespace

void launch_gaps(const Effort& effort) {
  gaps_of(1, effort);
  gaps_of(attribute(cudaDevAttrMultiProcessorCount), effort);
}

}  // namespace gibbslab::bench
