/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways to find special bytes: see csv_index.h.
 *
 *	avx2	x86-64 with AVX2, PCLMULQDQ, BMI and POPCNT: 32 bytes at a time; whether a byte stands inside
 *		quotes is a product of carry-less multiplication
 *	sse2	any x86-64: 16 bytes at a time
 *	neon	AArch64: 16 bytes at a time
 *	scalar	anywhere: 8 bytes at a time in a 64-bit word; leaves nothing out
 *
 * The bits of the quotes tell which bytes are inside: byte i is when the number of quotes up to i is
 * odd, and the parity of all bits up to each is the product of the mask with all ones, without
 * carries; or six shifts.  A closing quote counts as outside, so what follows it is never masked.
 *
 * Not here: what a special byte means (csv.c).
 */
#include "csv/csv_index.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

/* Into functions for other processors, too. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* --- Places ------------------------------------------------------------------------------------ */

/* One of no bits is 63. */
static ALWAYS_INLINE uint32_t lowest_bit(uint64_t mask)
{
	return (uint32_t)__builtin_ctzll(mask | UINT64_C(1) << 63);
}

/* The places of the bits in ${mask} as numbers.  How many there are differs from block to block, and a
 * loop that ends by it would be guessed wrong each time; so eight are written at once, whether there
 * are as many or not.  */
static ALWAYS_INLINE uint32_t *put_places(uint32_t *places, uint64_t mask, uint32_t first)
{
	unsigned count = (unsigned)__builtin_popcountll(mask);
	uint32_t *end = places + count;

	do {
#pragma GCC unroll 8
		for (unsigned i = 0; i < 8; i++) {
			places[i] = first + lowest_bit(mask);
			mask &= mask - 1;
		}
		places += 8;
	} while (places < end);
	return end;
}

/* --- Scalar ----------------------------------------------------------------------------------- */

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* A bit for each of the 8 bytes in ${word}, the first byte's lowest: is it a comma, a
 * quote or below 0x0e?  LF and CR are; the other control characters are so rare that
 * asking for less than for equality pays.  Each sum stays within its byte, so no byte's
 * answer depends on its neighbours'. */
static inline uint64_t specials_in_word(uint64_t word)
{
	const uint64_t low = EACH_BYTE(0x7f);
	uint64_t comma = word ^ EACH_BYTE(','), quote = word ^ EACH_BYTE('"');
	uint64_t not_comma = ((comma & low) + low) | comma;
	uint64_t not_quote = ((quote & low) + low) | quote;
	uint64_t not_below = ((word & low) + EACH_BYTE(0x80 - 0x0e)) | word;
	uint64_t tops = ~(not_comma & not_quote & not_below) & EACH_BYTE(0x80);

	/* Gather the top bits: the multiplication shifts byte i's to bit 56
	 * + i, and nothing else there. */
	return ((tops >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

static size_t index_scalar(const char *bytes, size_t count, uint64_t *inside, uint32_t *ret_places)
{
	uint32_t *end = ret_places;

	(void)inside;
	for (size_t block = 0; block < count; block++) {
		uint64_t mask = 0;

		for (unsigned i = 0; i < INDEX_BLOCK_BYTES; i += 8) {
			uint64_t word;

			memcpy(&word, bytes + block * INDEX_BLOCK_BYTES + i, sizeof(word));
			mask |= specials_in_word(le64toh(word)) << i;
		}
		end = put_places(end, mask, (uint32_t)block * INDEX_BLOCK_BYTES);
	}
	return (size_t)(end - ret_places);
}

/* --- Vectors ---------------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__aarch64__)

/* Which bytes up to and without their closing quotes are inside; ${quotes} is not 0. */
static inline uint64_t parity_by_shifts(uint64_t quotes)
{
	for (unsigned shift = 1; shift < 64; shift *= 2)
		quotes ^= quotes << shift;
	return quotes;
}

/* All ones when the block's last byte is inside, for the next block. */
static inline uint64_t top_everywhere(uint64_t parity)
{
	return (uint64_t)((int64_t)parity >> 63);
}

#endif

#ifdef __x86_64__
#include <immintrin.h>

struct text_16 {
	__m128i val[4];
};

static inline struct text_16 load_16(const char *bytes)
{
	const __m128i *at = (const __m128i *)bytes;

	return (struct text_16){{_mm_loadu_si128(at), _mm_loadu_si128(at + 1),
	    _mm_loadu_si128(at + 2), _mm_loadu_si128(at + 3)}};
}

static inline uint64_t equal_16(struct text_16 text, char c)
{
	const __m128i each = _mm_set1_epi8(c);
	uint64_t mask = 0;

	for (unsigned i = 0; i < 4; i++)
		mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text.val[i], each))
			<< (16 * i);
	return mask;
}

#define AVX2 __attribute__((target("avx2,bmi,pclmul,popcnt")))

static inline AVX2 uint64_t bits_of_32(__m256i low, __m256i high)
{
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline AVX2 uint64_t parity_by_product(uint64_t quotes)
{
	return (uint64_t)_mm_cvtsi128_si64(
	    _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)quotes), _mm_set1_epi8(-1), 0));
}

static AVX2 size_t index_avx2(
    const char *bytes, size_t count, uint64_t *inside, uint32_t *ret_places)
{
	uint32_t *end = ret_places;

	const __m256i comma = _mm256_set1_epi8(','), quote = _mm256_set1_epi8('"'),
		      lf = _mm256_set1_epi8('\n'), cr = _mm256_set1_epi8('\r');

	for (size_t block = 0; block < count; block++) {
		const __m256i *at = (const __m256i *)(bytes + block * INDEX_BLOCK_BYTES);
		const __m256i low = _mm256_loadu_si256(at), high = _mm256_loadu_si256(at + 1);
		uint64_t quotes, lfs, others, parity, specials;

		quotes = bits_of_32(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
		lfs = bits_of_32(_mm256_cmpeq_epi8(low, lf), _mm256_cmpeq_epi8(high, lf));
		others = bits_of_32(
		    _mm256_or_si256(_mm256_cmpeq_epi8(low, comma), _mm256_cmpeq_epi8(low, cr)),
		    _mm256_or_si256(_mm256_cmpeq_epi8(high, comma), _mm256_cmpeq_epi8(high, cr)));
		parity = *inside ^ parity_by_product(quotes);
		*inside = top_everywhere(parity);
		specials = (others & ~parity) | lfs | quotes;
		end = put_places(end, specials, (uint32_t)block * INDEX_BLOCK_BYTES);
	}
	return (size_t)(end - ret_places);
}
#endif

#ifdef __aarch64__
#include <arm_neon.h>

/* There is no movemask: each byte keeps a bit of its own, and three rounds of adding neighbours
 * bring those of 64 bytes into 8. */
static inline uint64_t bits_of_16(uint8x16x4_t found)
{
	const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t low = vpaddq_u8(vandq_u8(found.val[0], bit), vandq_u8(found.val[1], bit));
	uint8x16_t high = vpaddq_u8(vandq_u8(found.val[2], bit), vandq_u8(found.val[3], bit));
	uint8x16_t all = vpaddq_u8(low, high);

	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

static inline uint8x16x4_t load_16(const char *bytes)
{
	const uint8_t *at = (const uint8_t *)bytes;

	return (uint8x16x4_t){
	    {vld1q_u8(at), vld1q_u8(at + 16), vld1q_u8(at + 32), vld1q_u8(at + 48)}};
}

static inline uint64_t equal_16(uint8x16x4_t text, char c)
{
	const uint8x16_t each = vdupq_n_u8((uint8_t)c);

	for (unsigned i = 0; i < 4; i++)
		text.val[i] = vceqq_u8(text.val[i], each);
	return bits_of_16(text);
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)

/* By load_16() and equal_16() of the processor. */
static size_t index_by_16(const char *bytes, size_t count, uint64_t *inside, uint32_t *ret_places)
{
	uint32_t *end = ret_places;

	for (size_t block = 0; block < count; block++) {
		__typeof__(load_16(bytes)) text = load_16(bytes + block * INDEX_BLOCK_BYTES);
		uint64_t quotes = equal_16(text, '"'), parity = *inside, specials;

		if (quotes != 0) {
			parity ^= parity_by_shifts(quotes);
			*inside = top_everywhere(parity);
		}
		specials = ((equal_16(text, ',') | equal_16(text, '\r')) & ~parity) |
			   equal_16(text, '\n') | quotes;
		end = put_places(end, specials, (uint32_t)block * INDEX_BLOCK_BYTES);
	}
	return (size_t)(end - ret_places);
}
#endif

/* --- The choice ------------------------------------------------------------------------------- */

static const struct csv_index indexes[] = {
#ifdef __x86_64__
    {"avx2", index_avx2},
    {"sse2", index_by_16},
#endif
#ifdef __aarch64__
    {"neon", index_by_16},
#endif
    {"scalar", index_scalar},
};

#define INDEX_COUNT (sizeof(indexes) / sizeof(indexes[0]))

static bool is_here(const struct csv_index *index)
{
#ifdef __x86_64__
	if (index->run == index_avx2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		       __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt");
#endif
	return index->run != NULL;
}

const struct csv_index *csv_index_at(size_t i)
{
	for (size_t k = 0; k < INDEX_COUNT; k++) {
		if (is_here(&indexes[k]) && i-- == 0)
			return &indexes[k];
	}
	return NULL;
}

const struct csv_index *csv_index_best(void)
{
	return csv_index_at(0);
}
