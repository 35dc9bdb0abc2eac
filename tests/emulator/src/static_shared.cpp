#include "static_shared.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace gibbslab::emulator {
namespace {

struct Variable {
  std::byte* at;
  size_t bytes;
  std::string symbol;
};

struct Library {
  std::map<const void*, std::string> functions;
  std::vector<Variable> shared;
};

struct Kernel {
  std::string symbol;               // empty where unknown
  size_t own_bytes = 0;             // of the variables declared in the kernel itself
  size_t bytes = 0;                 // of the next
  std::vector<Variable> variables;  // that the kernel can use
};

constexpr const char kTag[] = "B15gibbslab_shared";
constexpr std::string_view kKernelTag = "[abi:gibbslab_kernel]";  // when demangled
const Kernel* chosen = nullptr;

std::vector<char> contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void add_symbol(Library& library, const ElfW(Sym) & symbol, const char* name, ElfW(Addr) bias) {
  const int type = symbol.st_info & 0xF;
  auto* at = reinterpret_cast<std::byte*>(bias + symbol.st_value);
  if (symbol.st_shndx == SHN_UNDEF) return;
  if (type == STT_FUNC) library.functions.emplace(at, name);
  const size_t length = std::strlen(name), tag = sizeof(kTag) - 1;
  const char* found = type == STT_OBJECT ? std::strstr(name, kTag) : nullptr;
  // A second variable of a name in one function ends in _0, _1, ...; a guard begins with _ZGV.
  if (!found || length < tag || !std::strncmp(name, "_ZGV", 4)) return;
  if (found[tag] != '\0' && found[tag] != '_') return;
  library.shared.push_back({at, symbol.st_size, name});
}

// Reads the whole symbol table where the file has one, else the dynamic one.
void read_symbols(Library& library, const std::vector<char>& file, ElfW(Addr) bias) {
  if (file.size() < sizeof(ElfW(Ehdr)) || std::memcmp(file.data(), ELFMAG, SELFMAG)) return;
  const auto& head = *reinterpret_cast<const ElfW(Ehdr)*>(file.data());
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file.data() + head.e_shoff);
  for (const unsigned wanted : {SHT_SYMTAB, SHT_DYNSYM})
    for (int i = 0; i < head.e_shnum; ++i) {
      if (sections[i].sh_type != wanted) continue;
      const char* names = file.data() + sections[sections[i].sh_link].sh_offset;
      const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file.data() + sections[i].sh_offset);
      for (size_t n = 0; n < sections[i].sh_size / sizeof(ElfW(Sym)); ++n)
        add_symbol(library, symbols[n], names + symbols[n].st_name, bias);
      return;
    }
}

Library& library_of(const void* function) {
  static std::map<ElfW(Addr), std::unique_ptr<Library>> all;
  Dl_info info{};
  link_map* map = nullptr;
  const bool known =
      dladdr1(function, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) && map;
  auto& library = all[known ? map->l_addr : 0];
  if (!library) {
    library = std::make_unique<Library>();
    if (known)
      read_symbols(*library, contents(*map->l_name ? map->l_name : "/proc/self/exe"), map->l_addr);
  }
  return *library;
}

std::string demangled(const std::string& symbol) {
  int status = 0;
  char* plain = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? plain : symbol;
  std::free(plain);
  return name;
}

// Whether the outermost function of the variable's name is a kernel: the tag of one stands outside
// all brackets. In template arguments it says nothing of the function.
bool in_a_kernel(const Variable& variable) {
  const std::string name = demangled(variable.symbol);
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (depth == 0 && name.compare(i, kKernelTag.size(), kKernelTag) == 0) return true;
    if (std::strchr("<({", name[i])) ++depth;
    if (std::strchr(">)}", name[i])) --depth;
  }
  return false;
}

// A local variable is _Z Z function E name; in a lambda there is one Z more for each function.
bool declared_in(const Variable& variable, const std::string& function) {
  const size_t begin = variable.symbol.find_first_not_of('Z', 1);
  const std::string prefix = function.substr(2) + "E";
  return variable.symbol.compare(begin, prefix.size(), prefix) == 0;
}

Kernel read_kernel(const void* function) {
  const Library& library = library_of(function);
  const auto found = library.functions.find(function);
  Kernel kernel;
  if (found != library.functions.end()) kernel.symbol = found->second;
  for (const Variable& variable : library.shared) {
    const bool own = kernel.symbol.size() > 2 && declared_in(variable, kernel.symbol);
    if (!own && in_a_kernel(variable)) continue;  // no kernel calls another
    kernel.variables.push_back(variable);
    kernel.bytes += variable.bytes;
    if (own) kernel.own_bytes += variable.bytes;
  }
  return kernel;
}

const Kernel& kernel_of(const void* function) {
  static std::unordered_map<const void*, Kernel> all;
  const auto found = all.find(function);
  return found != all.end() ? found->second
                            : all.emplace(function, read_kernel(function)).first->second;
}

}  // namespace

const std::string& kernel_symbol(const void* function) { return kernel_of(function).symbol; }

std::string kernel_name(const void* function) {
  const std::string& symbol = kernel_symbol(function);
  if (symbol.empty()) {
    char text[32];
    std::snprintf(text, sizeof(text), "kernel %p", function);
    return text;
  }
  std::string name = demangled(symbol);
  for (size_t at; (at = name.find(kKernelTag)) != std::string::npos;)
    name.erase(at, kKernelTag.size());
  return name;
}

size_t static_shared_bytes(const void* function) { return kernel_of(function).own_bytes; }

void choose_statics(const void* function) { chosen = &kernel_of(function); }

void poison_statics() {
  for (const Variable& variable : chosen->variables) std::memset(variable.at, 0xFF, variable.bytes);
}

void save_statics(std::vector<std::byte>& into) {
  into.resize(chosen->bytes);
  std::byte* next = into.data();
  for (const Variable& variable : chosen->variables) {
    std::memcpy(next, variable.at, variable.bytes);
    next += variable.bytes;
  }
}

void restore_statics(const std::vector<std::byte>& from) {
  if (from.empty()) return poison_statics();
  const std::byte* next = from.data();
  for (const Variable& variable : chosen->variables) {
    std::memcpy(variable.at, next, variable.bytes);
    next += variable.bytes;
  }
}

}  // namespace gibbslab::emulator
