// A libcuda.so.1 of a driver that supports CUDA 12.4 only: as much of it as the CUDA runtime asks before it gives up.
#include <stddef.h>
#include <string.h>

int cuInit(unsigned flags) { return (void)flags, 0; }
int cuDriverGetVersion(int* version) { return *version = 12040, 0; }
int cuGetExportTable(const void** table, const void* id) { return (void)id, *table = NULL, 1; }

int cuGetProcAddress_v2(const char* name, void** function, int version, unsigned long long flags, void* status) {
  (void)version, (void)flags, (void)status;
  *function = NULL;
  if (!strcmp(name, "cuInit")) *function = (void*)cuInit;
  if (!strcmp(name, "cuDriverGetVersion")) *function = (void*)cuDriverGetVersion;
  if (!strcmp(name, "cuGetExportTable")) *function = (void*)cuGetExportTable;
  if (!strcmp(name, "cuGetProcAddress") || !*name) *function = (void*)cuGetProcAddress_v2;
  return *function ? 0 : 500;
}

int cuGetProcAddress(const char* name, void** function, int version, unsigned long long flags) {
  return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
