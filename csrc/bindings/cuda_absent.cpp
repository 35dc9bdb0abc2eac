// What differs from build to build, away from what takes long to compile.
namespace gibbslab {

const char* built_without_cuda() { return GIBBSLAB_CUDA_ABSENT; }

}  // namespace gibbslab
