// Copies and fills, with their directions and ranges checked against what is allocated.
#include <cstring>

#include "state.h"

using namespace gibbslab::emulator;

namespace {

struct Rows {
  void* to;
  size_t to_pitch;
  const void* from;
  size_t from_pitch, width, height;

  // From the first byte of the first row to the last of the last.
  static size_t span(size_t pitch, size_t width, size_t height) {
    return height == 0 || width == 0 ? 0 : pitch * (height - 1) + width;
  }
};

// Device ends must lie in device memory, host ends must not; a default end may be either, whole.
bool right_end(const void* at, size_t bytes, bool device, bool any) {
  const Allocation* start = find_allocation(at);
  const bool on_device = start && start->type == cudaMemoryTypeDevice;
  if (!any && on_device != device) return false;
  return !start || find_allocation(at, bytes) == start;
}

cudaError_t check(const Rows& rows, cudaMemcpyKind kind) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
    return cudaErrorInvalidMemcpyDirection;
  if (rows.width > rows.to_pitch || rows.width > rows.from_pitch) return cudaErrorInvalidPitchValue;
  const size_t to = Rows::span(rows.to_pitch, rows.width, rows.height),
               from = Rows::span(rows.from_pitch, rows.width, rows.height);
  if (to == 0) return cudaSuccess;
  const bool any = kind == cudaMemcpyDefault;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return right_end(rows.to, to, to_device, any) && right_end(rows.from, from, from_device, any)
             ? cudaSuccess
             : cudaErrorInvalidValue;
}

cudaError_t copy(const Rows& rows) {
  for (size_t row = 0; row < rows.height && rows.width; ++row)
    std::memmove(static_cast<std::byte*>(rows.to) + row * rows.to_pitch,
                 static_cast<const std::byte*>(rows.from) + row * rows.from_pitch, rows.width);
  return cudaSuccess;
}

bool captures(cudaStream_t stream) { return !is_default(stream) && stream->graph; }

// Pageable memory has been read when the call returns, be the stream ever so late; a graph reads it
// when it runs.
Work copy_of_pageable(const Rows& rows, cudaStream_t stream) {
  if (captures(stream) || !state().settings.lazy) return [rows] { return copy(rows); };
  const auto* from = static_cast<const std::byte*>(rows.from);
  auto held = std::make_shared<std::vector<std::byte>>(
      from, from + Rows::span(rows.from_pitch, rows.width, rows.height));
  return [rows, held] {
    Rows staged = rows;
    staged.from = held->data();
    return copy(staged);
  };
}

cudaError_t copy_now(const Rows& rows, cudaMemcpyKind kind) {
  return call(Call::kMemcpy, [&] {
    cudaError_t error = forbidden_in_capture();
    if (error == cudaSuccess) error = check(rows, kind);
    return error != cudaSuccess ? error : submit(nullptr, [rows] { return copy(rows); });
  });
}

cudaError_t copy_in_order(const Rows& rows, cudaMemcpyKind kind, cudaStream_t stream) {
  return call(Call::kMemcpy, [&] {
    const cudaError_t error = check(rows, kind);
    if (error != cudaSuccess) return error;
    if (!find_allocation(rows.from)) return submit(stream, copy_of_pageable(rows, stream));
    const cudaError_t submitted = submit(stream, [rows] { return copy(rows); });
    const bool waits = submitted == cudaSuccess && !find_allocation(rows.to) && !captures(stream);
    return waits ? drain(stream) : submitted;
  });
}

cudaError_t fill(void* at, size_t pitch, int value, size_t width, size_t height,
                 cudaStream_t stream) {
  return call(Call::kMemset, [&] {
    const size_t bytes = Rows::span(pitch, width, height);
    if (width > pitch) return cudaErrorInvalidPitchValue;
    if (bytes && !right_end(at, bytes, true, false)) return cudaErrorInvalidValue;
    return submit(stream, [=] {
      for (size_t row = 0; row < height && width; ++row)
        std::memset(static_cast<std::byte*>(at) + row * pitch, value, width);
      return cudaSuccess;
    });
  });
}

}  // namespace

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return copy_now({to, bytes, from, bytes, bytes, 1}, kind);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy_in_order({to, bytes, from, bytes, bytes, 1}, kind, stream);
}

cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                         size_t width, size_t height, cudaMemcpyKind kind) {
  return copy_now({to, to_pitch, from, from_pitch, width, height}, kind);
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return copy_in_order({to, to_pitch, from, from_pitch, width, height}, kind, stream);
}

cudaError_t cudaMemset(void* at, int value, size_t bytes) {
  return fill(at, bytes, value, bytes, 1, nullptr);
}

cudaError_t cudaMemsetAsync(void* at, int value, size_t bytes, cudaStream_t stream) {
  return fill(at, bytes, value, bytes, 1, stream);
}

cudaError_t cudaMemset2DAsync(void* at, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return fill(at, pitch, value, width, height, stream);
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, size_t bytes, size_t offset,
                               cudaMemcpyKind) {
  return call(Call::kMemcpy, [&] {
    std::memcpy(static_cast<std::byte*>(const_cast<void*>(symbol)) + offset, from, bytes);
    return cudaSuccess;
  });
}
