// Static __shared__ variables and kernels' names, found in the symbol table of the kernels'
// library.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gibbslab::emulator {

// The kernel's name as written in C++, or its address where the library has no symbols.
std::string kernel_name(const void* function);
// The same as the linker knows it; empty where unknown.
const std::string& kernel_symbol(const void* function);
// Bytes of the __shared__ variables declared in the kernel itself.
size_t static_shared_bytes(const void* function);

// Makes the __shared__ variables that the kernel can use the ones that the calls below work on: its
// own, and those of the functions of its library that are no kernels.
void choose_statics(const void* function);
void poison_statics();
void save_statics(std::vector<std::byte>& into);
void restore_statics(const std::vector<std::byte>& from);

}  // namespace gibbslab::emulator
