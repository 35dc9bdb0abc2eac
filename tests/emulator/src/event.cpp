// Events: marks in a stream's order.
#include <chrono>

#include "state.h"

using namespace gibbslab::emulator;

namespace {

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

// Runs the stream of the mark up to it. A destroyed stream has run, and its marks are reached.
cudaError_t run_up_to(cudaStream_t stream, const bool& reached) {
  while (!reached && !stream->pending.empty()) {
    const Work work = std::move(stream->pending.front());
    stream->pending.pop_front();
    const cudaError_t error = note(work());
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t run_until(const CUevent_st& event) { return run_up_to(event.stream, *event.reached); }

cudaError_t wait_in_order(cudaStream_t stream, const CUevent_st& event) {
  if (stream->graph) return cudaErrorStreamCaptureIsolation;
  return submit(
      stream, [from = event.stream, reached = event.reached] { return run_up_to(from, *reached); });
}

}  // namespace

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call(Call::kStream, [&] {
    if (is_default(stream)) return run_until(*event);
    if (!event->graph) return wait_in_order(stream, *event);
    if (stream->graph == event->graph) return cudaSuccess;
    if (stream->graph) return cudaErrorStreamCaptureMerge;
    stream->graph = event->graph;  // the wait draws this stream into the capture
    stream->thread = std::this_thread::get_id();
    state().captures.push_back(stream);
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
    if (!is_default(stream) && event->device != stream->device)
      return cudaErrorInvalidResourceHandle;
    event->graph = is_default(stream) ? nullptr : stream->graph;
    event->recorded = !event->graph;
    event->milliseconds = now();
    event->stream = stream;
    event->reached = std::make_shared<bool>(event->graph != nullptr);
    if (event->graph) return cudaSuccess;
    return submit(stream, [reached = event->reached] {
      *reached = true;
      return cudaSuccess;
    });
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call(Call::kSync,
              [&] { return event->graph ? cudaErrorCapturedEvent : run_until(*event); });
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
