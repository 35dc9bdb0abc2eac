// Streams, events, capture into graphs. Work runs when it is submitted: order is never in doubt.
#include <algorithm>
#include <chrono>

#include "state.h"

namespace gibbslab::emulator {
namespace {

bool special(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
}

void spoil_captures() {
  for (CUstream_st* stream : state().captures) stream->spoilt = true;
}

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

bool legacy_would_wait() {
  const auto& all = state().captures;
  return std::any_of(all.begin(), all.end(),
                     [](const CUstream_st* s) { return !(s->flags & cudaStreamNonBlocking); });
}

}  // namespace

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
  if (special(stream)) {
    if (stream == cudaStreamPerThread || !legacy_would_wait()) return work();
    spoil_captures();
    return cudaErrorStreamCaptureImplicit;
  }
  if (!stream->graph) return work();
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
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(state().mutex);
  if (special(stream)) return note(cudaErrorInvalidResourceHandle);
  std::erase(state().captures, stream);
  if (stream->origin) delete stream->graph;
  delete stream;
  return note(usable());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call(Call::kSync, [&] {
    if (special(stream)) return stream ? cudaSuccess : forbidden_in_capture();
    if (stream->graph) stream->spoilt = true;
    return stream->graph ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call(Call::kStream, [&] {
    if (special(stream) || !event->graph || stream->graph == event->graph) return cudaSuccess;
    if (stream->graph) return cudaErrorStreamCaptureMerge;
    stream->graph = event->graph;  // the wait draws this stream into the capture
    stream->thread = std::this_thread::get_id();
    state().captures.push_back(stream);
    return cudaSuccess;
  });
}

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
    if (special(stream)) return cudaErrorStreamCaptureUnsupported;
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
  if (special(stream) || !stream->graph) return note(cudaErrorIllegalState);
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
    *status = special(stream) || !stream->graph ? cudaStreamCaptureStatusNone
              : stream->spoilt                  ? cudaStreamCaptureStatusInvalidated
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

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call(Call::kEvent, [&] {
    *event = new CUevent_st;
    (*event)->flags = flags;
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call(Call::kEvent, [&] {
    event->graph = special(stream) ? nullptr : stream->graph;
    event->recorded = !event->graph;
    event->milliseconds = now();
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call(Call::kSync, [&] { return event->graph ? cudaErrorCapturedEvent : cudaSuccess; });
}

cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call(Call::kEvent, [&] {
    if (!start->recorded || !end->recorded ||
        ((start->flags | end->flags) & cudaEventDisableTiming))
      return cudaErrorInvalidResourceHandle;
    *milliseconds = static_cast<float>(end->milliseconds - start->milliseconds);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard lock(state().mutex);
  delete event;
  return note(usable());
}
