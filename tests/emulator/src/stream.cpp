// Streams and their capture into graphs.
#include <algorithm>

#include "state.h"

namespace gibbslab::emulator {
namespace {

void spoil_captures() {
  for (CUstream_st* stream : state().captures) stream->spoilt = true;
}

bool legacy_would_wait() {
  const auto& all = state().captures;
  return std::any_of(all.begin(), all.end(),
                     [](const CUstream_st* s) { return !(s->flags & cudaStreamNonBlocking); });
}

}  // namespace

bool is_default(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

cudaError_t drain(cudaStream_t stream) {
  if (is_default(stream)) return stream == cudaStreamPerThread ? cudaSuccess : drain_all(true);
  while (!stream->pending.empty()) {
    const Work work = std::move(stream->pending.front());
    stream->pending.pop_front();
    const cudaError_t error = note(work());
    if (error == cudaSuccess) continue;
    stream->pending.clear();
    return error;
  }
  return cudaSuccess;
}

cudaError_t drain_all(bool blocking_only) {
  for (CUstream_st* stream : state().streams) {
    if (blocking_only && (stream->flags & cudaStreamNonBlocking)) continue;
    const cudaError_t error = drain(stream);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t forbidden_in_capture() {
  for (const CUstream_st* stream : state().captures) {
    const bool mine = stream->thread == std::this_thread::get_id();
    if (stream->mode == cudaStreamCaptureModeGlobal ||
        (stream->mode == cudaStreamCaptureModeThreadLocal && mine)) {
      spoil_captures();
      return cudaErrorStreamCaptureUnsupported;
    }
  }
  return cudaSuccess;
}

cudaError_t submit(cudaStream_t stream, Work work) {
  if (is_default(stream)) {
    if (stream == cudaStreamPerThread) return work();
    if (!legacy_would_wait()) {
      const cudaError_t error = drain_all(true);
      return error == cudaSuccess ? work() : error;
    }
    spoil_captures();
    return cudaErrorStreamCaptureImplicit;
  }
  if (!stream->graph && !state().settings.lazy) return work();
  if (!stream->graph) {
    stream->pending.push_back(std::move(work));
    return cudaSuccess;
  }
  if (stream->spoilt) return cudaErrorStreamCaptureInvalidated;
  stream->graph->work.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace gibbslab::emulator

using namespace gibbslab::emulator;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call(Call::kStream, [&] {
    *stream = new CUstream_st;
    (*stream)->flags = flags;
    state().streams.push_back(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(state().mutex);
  if (is_default(stream)) return note(cudaErrorInvalidResourceHandle);
  drain(stream);
  std::erase(state().streams, stream);
  std::erase(state().captures, stream);
  if (stream->origin) delete stream->graph;
  delete stream;
  return note(usable());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call(Call::kSync, [&] {
    if (is_default(stream)) {
      const cudaError_t forbidden = stream ? cudaSuccess : forbidden_in_capture();
      return forbidden == cudaSuccess ? drain(stream) : forbidden;
    }
    if (!stream->graph) return drain(stream);
    stream->spoilt = true;
    return cudaErrorStreamCaptureUnsupported;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return call(Call::kStream, [&] {
    return submit(stream, [=] {
      function(data);
      return cudaSuccess;
    });
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call(Call::kGraph, [&] {
    if (is_default(stream)) return cudaErrorStreamCaptureUnsupported;
    if (stream->graph) return cudaErrorIllegalState;
    stream->graph = new CUgraph_st;
    stream->origin = true;
    stream->spoilt = false;
    stream->mode = mode;
    stream->thread = std::this_thread::get_id();
    state().captures.push_back(stream);
    return cudaSuccess;
  });
}

// Ends the capture on every stream that was drawn into it, also where the call itself must fail.
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(state().mutex);
  *graph = nullptr;
  if (is_default(stream) || !stream->graph) return note(cudaErrorIllegalState);
  if (!stream->origin) return note(cudaErrorStreamCaptureUnmatched);
  CUgraph_st* const captured = stream->graph;
  bool spoilt = false;
  for (CUstream_st* other : state().captures) {
    if (other->graph != captured) continue;
    spoilt |= other->spoilt;
    other->graph = nullptr;
    other->origin = other->spoilt = false;
  }
  std::erase_if(state().captures, [](const CUstream_st* s) { return !s->graph; });
  const cudaError_t error =
      call(Call::kGraph, [&] { return spoilt ? cudaErrorStreamCaptureInvalidated : cudaSuccess; });
  if (error == cudaSuccess)
    *graph = captured;
  else
    delete captured;
  return error;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return call(Call::kQuery, [&] {
    *status = is_default(stream) || !stream->graph ? cudaStreamCaptureStatusNone
              : stream->spoilt                     ? cudaStreamCaptureStatusInvalidated
                                                   : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

// The mode is read and left: nothing here calls the runtime on behalf of somebody else's capture.
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return call(Call::kQuery, [&] {
    static thread_local cudaStreamCaptureMode held = cudaStreamCaptureModeGlobal;
    std::swap(held, *mode);
    return cudaSuccess;
  });
}
