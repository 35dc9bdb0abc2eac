// What dlsym() is to a library that is opened at run time, for the stand-ins of cuBLAS.
#pragma once

#pragma GCC visibility push(default)
// The address of the stand-in for the function of this name ("cublasSgemm_v2"), or null.
// GIBBSLAB_EMULATOR_NO_CUBLAS=1 imitates a machine without the library.
extern "C" void* gibbslab_emulator_symbol(const char* name);
#pragma GCC visibility pop
