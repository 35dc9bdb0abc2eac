// Graphs: the captured work, replayed in the order of its capture.
#include "state.h"

using namespace gibbslab::emulator;

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  return call(Call::kGraph, [&] {
    *executable = graph ? new CUgraphExec_st{graph->work} : nullptr;
    return graph ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
  return call(Call::kGraph, [] { return cudaSuccess; });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call(Call::kLaunch, [&] {
    if (!executable) return cudaErrorInvalidValue;
    if (const cudaError_t error = check_current(stream); error != cudaSuccess) return error;
    return submit(stream, [work = executable->work] {
      for (const Work& node : work) {
        const cudaError_t error = node();
        if (error != cudaSuccess) return error;
      }
      return cudaSuccess;
    });
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return call(Call::kQuery, [&] {
    *count = graph->work.size();
    return nodes ? cudaErrorNotSupported : cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const std::lock_guard lock(state().mutex);
  delete graph;
  return note(usable());
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const std::lock_guard lock(state().mutex);
  delete executable;
  return note(usable());
}
