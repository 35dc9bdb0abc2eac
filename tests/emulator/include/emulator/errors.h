// The runtime's error codes: names, numbers and texts as the CUDA 13 runtime has them.
#pragma once

#define GIBBSLAB_CUDA_ERRORS(X)                                                                  \
  X(cudaSuccess, 0, "no error")                                                                  \
  X(cudaErrorInvalidValue, 1, "invalid argument")                                                \
  X(cudaErrorMemoryAllocation, 2, "out of memory")                                               \
  X(cudaErrorInitializationError, 3, "initialization error")                                     \
  X(cudaErrorCudartUnloading, 4, "driver shutting down")                                         \
  X(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                          \
  X(cudaErrorInvalidPitchValue, 12, "invalid pitch value")                                       \
  X(cudaErrorInvalidHostPointer, 16, "invalid host pointer")                                     \
  X(cudaErrorInvalidDevicePointer, 17, "invalid device pointer")                                 \
  X(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                    \
  X(cudaErrorAddressOfConstant, 22, "address of constant")                                       \
  X(cudaErrorSynchronizationError, 25, "synchronization error")                                  \
  X(cudaErrorMixedDeviceExecution, 28, "mixed device execution")                                 \
  X(cudaErrorNotYetImplemented, 31, "not yet implemented")                                       \
  X(cudaErrorMemoryValueTooLarge, 32, "memory value too large")                                  \
  X(cudaErrorStubLibrary, 34, "stub library")                                                    \
  X(cudaErrorInsufficientDriver, 35,                                                             \
    "CUDA driver version is insufficient for CUDA runtime version")                              \
  X(cudaErrorCallRequiresNewerDriver, 36, "call requires newer driver")                          \
  X(cudaErrorDevicesUnavailable, 46, "all CUDA-capable devices are busy or unavailable")         \
  X(cudaErrorIncompatibleDriverContext, 49, "incompatible driver context")                       \
  X(cudaErrorMissingConfiguration, 52, "missing configuration")                                  \
  X(cudaErrorPriorLaunchFailure, 53, "prior launch failure")                                     \
  X(cudaErrorInvalidDeviceFunction, 98, "invalid device function")                               \
  X(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                                \
  X(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                       \
  X(cudaErrorDeviceNotLicensed, 102, "device not licensed")                                      \
  X(cudaErrorSoftwareValidityNotEstablished, 103, "software validity not established")           \
  X(cudaErrorStartupFailure, 127, "startup failure")                                             \
  X(cudaErrorInvalidKernelImage, 200, "invalid kernel image")                                    \
  X(cudaErrorDeviceUninitialized, 201, "device uninitialized")                                   \
  X(cudaErrorUnmapBufferObjectFailed, 206, "unmap buffer object failed")                         \
  X(cudaErrorNoKernelImageForDevice, 209,                                                        \
    "no kernel image is available for execution on the device")                                  \
  X(cudaErrorECCUncorrectable, 214, "uncorrectable ECC error encountered")                       \
  X(cudaErrorUnsupportedLimit, 215, "unsupported limit")                                         \
  X(cudaErrorDeviceAlreadyInUse, 216, "device already in use")                                   \
  X(cudaErrorPeerAccessUnsupported, 217, "peer access unsupported")                              \
  X(cudaErrorInvalidPtx, 218, "invalid ptx")                                                     \
  X(cudaErrorUnsupportedPtxVersion, 222,                                                         \
    "the provided PTX was compiled with an unsupported toolchain.")                              \
  X(cudaErrorInvalidSource, 300, "invalid source")                                               \
  X(cudaErrorFileNotFound, 301, "file not found")                                                \
  X(cudaErrorSharedObjectSymbolNotFound, 302, "shared object symbol not found")                  \
  X(cudaErrorSharedObjectInitFailed, 303, "shared object init failed")                           \
  X(cudaErrorOperatingSystem, 304, "operating system")                                           \
  X(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                              \
  X(cudaErrorIllegalState, 401, "illegal state")                                                 \
  X(cudaErrorLossyQuery, 402, "lossy query")                                                     \
  X(cudaErrorSymbolNotFound, 500, "named symbol not found")                                      \
  X(cudaErrorNotReady, 600, "device not ready")                                                  \
  X(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                    \
  X(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")               \
  X(cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated")                      \
  X(cudaErrorPeerAccessAlreadyEnabled, 704, "peer access already enabled")                       \
  X(cudaErrorPeerAccessNotEnabled, 705, "peer access not enabled")                               \
  X(cudaErrorSetOnActiveProcess, 708, "set on active process")                                   \
  X(cudaErrorContextIsDestroyed, 709, "context is destroyed")                                    \
  X(cudaErrorAssert, 710, "device-side assert triggered")                                        \
  X(cudaErrorTooManyPeers, 711, "too many peers")                                                \
  X(cudaErrorHostMemoryAlreadyRegistered, 712,                                                   \
    "part or all of the requested memory range is already mapped")                               \
  X(cudaErrorHostMemoryNotRegistered, 713,                                                       \
    "pointer does not correspond to a registered memory region")                                 \
  X(cudaErrorHardwareStackError, 714, "hardware stack error")                                    \
  X(cudaErrorIllegalInstruction, 715, "an illegal instruction was encountered")                  \
  X(cudaErrorMisalignedAddress, 716, "misaligned address")                                       \
  X(cudaErrorInvalidAddressSpace, 717, "operation not supported on global/shared address space") \
  X(cudaErrorInvalidPc, 718, "invalid program counter")                                          \
  X(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                   \
  X(cudaErrorCooperativeLaunchTooLarge, 720, "too many blocks in cooperative launch")            \
  X(cudaErrorTensorMemoryLeak, 721, "tensor memory leak")                                        \
  X(cudaErrorNotPermitted, 800, "operation not permitted")                                       \
  X(cudaErrorNotSupported, 801, "operation not supported")                                       \
  X(cudaErrorSystemNotReady, 802, "system not ready")                                            \
  X(cudaErrorSystemDriverMismatch, 803, "system driver mismatch")                                \
  X(cudaErrorCompatNotSupportedOnDevice, 804, "compat not supported on device")                  \
  X(cudaErrorStreamCaptureUnsupported, 900, "operation not permitted when stream is capturing")  \
  X(cudaErrorStreamCaptureInvalidated, 901,                                                      \
    "operation failed due to a previous error during capture")                                   \
  X(cudaErrorStreamCaptureMerge, 902, "stream capture merge")                                    \
  X(cudaErrorStreamCaptureUnmatched, 903, "the capture was not initiated in this stream")        \
  X(cudaErrorStreamCaptureUnjoined, 904, "stream capture unjoined")                              \
  X(cudaErrorStreamCaptureIsolation, 905,                                                        \
    "dependency created on uncaptured work in another stream")                                   \
  X(cudaErrorStreamCaptureImplicit, 906,                                                         \
    "operation would make the legacy stream depend on a capturing blocking stream")              \
  X(cudaErrorCapturedEvent, 907,                                                                 \
    "operation not permitted on an event last recorded in a capturing stream")                   \
  X(cudaErrorStreamCaptureWrongThread, 908,                                                      \
    "attempt to terminate a thread-local capture sequence from another thread")                  \
  X(cudaErrorTimeout, 909, "timeout")                                                            \
  X(cudaErrorGraphExecUpdateFailure, 910,                                                        \
    "the graph update was not performed because it included changes which violated constraints " \
    "specific to instantiated graph update")                                                     \
  X(cudaErrorInvalidClusterSize, 912, "cluster misconfiguration")                                \
  X(cudaErrorFunctionNotLoaded, 913, "function not loaded")                                      \
  X(cudaErrorUnknown, 999, "unknown error")

enum cudaError {
#define GIBBSLAB_X(name, value, text) name = value,
  GIBBSLAB_CUDA_ERRORS(GIBBSLAB_X)
#undef GIBBSLAB_X
};
using cudaError_t = cudaError;
