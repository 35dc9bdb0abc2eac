// What tests and the curious may set. The same settings are read from the environment at start.
#pragma once

#include <cstddef>
#include <cstdint>

#pragma GCC visibility push(default)
extern "C" {
// Takes the settings from the environment again, forgets errors and counted calls.
void gibbslab_emulator_reset();
// "malloc:3,launch:5,memcpy:2=700": the n-th call from now of each kind fails; "malloc:3+" and
// every later one too. Returns 0, or 1 if the text cannot be read. "" or null: none fails.
int gibbslab_emulator_fail(const char* calls);
// Calls of a kind since the last reset, for tests that fail each of them in turn.
long gibbslab_emulator_calls(const char* kind);
void gibbslab_emulator_set_memory(size_t bytes);
void gibbslab_emulator_set_seed(uint64_t seed);
void gibbslab_emulator_set_devices(int count);
// What cudaSetDevice and cudaGetDevice do, for callers that have no CUDA of their own.
void gibbslab_emulator_set_current(int device);
int gibbslab_emulator_current();
void gibbslab_emulator_set_compute_capability(int major_minor);
void gibbslab_emulator_set_driver(int version);
// Streams run their work when they are waited for.
void gibbslab_emulator_set_lazy(int lazy);
// The last report of a fault in a kernel; empty when there was none.
const char* gibbslab_emulator_last_report();
// Bytes of device memory allocated and not freed.
size_t gibbslab_emulator_allocated();
}
#pragma GCC visibility pop
