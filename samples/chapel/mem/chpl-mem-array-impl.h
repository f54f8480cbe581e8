/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chpl-mem-array-impl.h: Chapel's array functions on fixheap's arrays.  It
 * belongs into runtime/include/mem/fixheap; chpl-mem-array.h includes it in
 * place of its own functions, where CHPL_MEM_IMPL_ARRAYS is defined.
 *
 * What they promise is what chpl-mem-array.h promises.  Memory tracking, halt
 * on out of memory, and arrays of GPUs are Chapel's own; they are done here.
 * What is fixheap's is in mem-fixheap.c.
 *
 * An array that has a region of its own (see comm.h of fixheap) is registered
 * after the program has touched it: *callPostAlloc is set, and postAlloc or
 * postRealloc do it.
 */
#ifndef _chpl_mem_array_impl_H_
#define _chpl_mem_array_impl_H_

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of an array; SIZE_MAX, which no heap has, where they overflow. */
static inline size_t chpl_fixheap_bytes(size_t nmemb, size_t eltSize)
{
	size_t bytes;

	return __builtin_mul_overflow(nmemb, eltSize, &bytes) ? SIZE_MAX
							      : bytes;
}

void *chpl_fixheap_array_alloc(size_t bytes, chpl_bool *callPostAlloc);
void *chpl_fixheap_array_realloc(void *p, size_t oldBytes, size_t bytes,
				 chpl_bool *callPostAlloc);
void chpl_fixheap_array_register(void *p, size_t bytes);
void chpl_fixheap_array_free(void *p, size_t bytes);
chpl_bool chpl_fixheap_array_stays(void *p, size_t oldBytes, size_t bytes);

/* clang-format off */
static inline
void *chpl_mem_array_alloc(size_t nmemb, size_t eltSize, c_sublocid_t subloc,
			   chpl_bool *callPostAlloc, chpl_bool haltOnOom,
			   int64_t lineno, int32_t filename)
{
	void *p;

	(void)subloc;
	*callPostAlloc = false;
#if defined(HAS_GPU_LOCALE) && !defined(GPU_RUNTIME_CPU)
	if (chpl_gpu_running_on_gpu_locale())
		return chpl_gpu_mem_array_alloc(nmemb * eltSize,
						CHPL_RT_MD_ARRAY_ELEMENTS,
						lineno, filename);
#endif
	chpl_memhook_malloc_pre(nmemb, eltSize, CHPL_RT_MD_ARRAY_ELEMENTS,
				lineno, filename);
	p = chpl_fixheap_array_alloc(chpl_fixheap_bytes(nmemb, eltSize),
				     callPostAlloc);
	/* It halts if p is NULL. */
	if (p || haltOnOom)
		chpl_memhook_malloc_post(p, nmemb, eltSize,
					 CHPL_RT_MD_ARRAY_ELEMENTS, lineno,
					 filename);
	return p;
}

static inline
void chpl_mem_array_postAlloc(void *p, size_t nmemb, size_t eltSize,
			      int64_t lineno, int32_t filename)
{
	(void)lineno;
	(void)filename;
	chpl_fixheap_array_register(p, nmemb * eltSize);
}

static inline
chpl_bool chpl_mem_array_supports_realloc(void *p, size_t oldNmemb,
					  size_t newNmemb, size_t eltSize,
					  int64_t lineno, int32_t filename)
{
	(void)lineno;
	(void)filename;
	return chpl_fixheap_array_stays(p, oldNmemb * eltSize,
					chpl_fixheap_bytes(newNmemb, eltSize));
}

static inline
void *chpl_mem_array_realloc(void *p, size_t oldNmemb, size_t newNmemb,
			     size_t eltSize, c_sublocid_t subloc,
			     chpl_bool *callPostAlloc, int64_t lineno,
			     int32_t filename)
{
	const size_t bytes = chpl_fixheap_bytes(newNmemb, eltSize);
	const intptr_t oldp = (intptr_t)p;
	void *newp;

	(void)subloc;
	*callPostAlloc = false;
#ifdef HAS_GPU_LOCALE
	if (chpl_gpu_running_on_gpu_locale())
		return chpl_gpu_mem_realloc(p, bytes, CHPL_RT_MD_ARRAY_ELEMENTS,
					    lineno, filename);
#endif
	chpl_memhook_realloc_pre(p, bytes, CHPL_RT_MD_ARRAY_ELEMENTS, lineno,
				 filename);
	newp = chpl_fixheap_array_realloc(p, oldNmemb * eltSize, bytes,
					  callPostAlloc);
	chpl_memhook_realloc_post(newp, oldp, bytes, CHPL_RT_MD_ARRAY_ELEMENTS,
				  lineno, filename);
	return newp;
}

static inline
void chpl_mem_array_postRealloc(void *oldp, size_t oldNmemb, void *newp,
				size_t newNmemb, size_t eltSize,
				int64_t lineno, int32_t filename)
{
	(void)oldp;
	(void)oldNmemb;
	(void)lineno;
	(void)filename;
	chpl_fixheap_array_register(newp, newNmemb * eltSize);
}

static inline
void chpl_mem_array_free(void *p, size_t nmemb, size_t eltSize,
			 c_sublocid_t subloc, int64_t lineno, int32_t filename)
{
#ifdef HAS_GPU_LOCALE
	if (subloc >= 0) {
		chpl_gpu_mem_free(p, lineno, filename);
		return;
	}
#endif
	(void)subloc;
	chpl_memhook_free_pre(p, nmemb * eltSize, lineno, filename);
	chpl_fixheap_array_free(p, nmemb * eltSize);
}
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
