// A libcublasLt.so.13 that offers one algorithm for everything and computes nothing. With INCOMPLETE one function is missing.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static int make(void** out) { return *out = malloc(1), 0; }
static int drop(void* handle) { return free(handle), 0; }

int cublasLtCreate(void** out) { return make(out); }
int cublasLtDestroy(void* handle) { return drop(handle); }
size_t cublasLtGetVersion(void) { return 130000; }
int cublasLtMatmulDescCreate(void** out, int compute, int scale) { return (void)compute, (void)scale, make(out); }
int cublasLtMatmulDescDestroy(void* desc) { return drop(desc); }
int cublasLtMatmulDescSetAttribute(void* desc, int attribute, const void* value, size_t bytes) {
  return (void)desc, (void)attribute, (void)value, (void)bytes, 0;
}
int cublasLtMatrixLayoutCreate(void** out, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  return (void)type, (void)rows, (void)columns, (void)ld, make(out);
}
int cublasLtMatrixLayoutDestroy(void* layout) { return drop(layout); }
int cublasLtMatmulPreferenceCreate(void** out) { return make(out); }
int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value, size_t bytes) {
  return (void)preference, (void)attribute, (void)value, (void)bytes, 0;
}
int cublasLtMatmulPreferenceDestroy(void* preference) { return drop(preference); }
int cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference, int most, void* found, int* count) {
  return (void)handle, (void)desc, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)most, (void)found, *count = 1, 0;
}
#ifndef INCOMPLETE
int cublasLtMatmul(void* handle, void* desc, const void* alpha, const void* a, void* al, const void* b, void* bl, const void* beta, const void* c, void* cl,
                   void* d, void* dl, const uint64_t* algo, void* workspace, size_t bytes, void* stream) {
  (void)handle, (void)desc, (void)alpha, (void)a, (void)al, (void)b, (void)bl, (void)beta, (void)c, (void)cl;
  return (void)d, (void)dl, (void)algo, (void)workspace, (void)bytes, (void)stream, 0;
}
#endif
