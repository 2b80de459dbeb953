/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quota of requests: see rate.h.
 *
 * A ring of the moments at which the last ${count_max} were taken.  One more may be taken when the
 * oldest of them is a whole span ago.
 */
#include "emulate/rate.h"

#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

struct rate {
	int64_t span_us;
	size_t count_max;
	pthread_mutex_t mutex; /* guards the three below */
	size_t count;          /* taken so far, up to count_max */
	size_t oldest;         /* its place in the ring */
	int64_t taken_us[];
};

enum status rate_create(size_t count_max, int64_t span_us, struct rate **ret_rate, struct err *err)
{
	struct rate *rate = calloc(1, sizeof(*rate) + count_max * sizeof(rate->taken_us[0]));

	assert(count_max > 0);
	if (rate == NULL)
		return err_set(err, E_NOMEM, "no memory for a quota of requests");
	rate->span_us = span_us;
	rate->count_max = count_max;
	mutex_init(&rate->mutex);
	*ret_rate = rate;
	return OK;
}

void rate_destroy(struct rate **rate)
{
	if (*rate == NULL)
		return;
	mutex_fini(&(*rate)->mutex);
	free(*rate);
	*rate = NULL;
}

bool rate_take(struct rate *rate, int64_t now_us, int64_t *ret_wait_us)
{
	int64_t free_us = 0;

	mutex_lock(&rate->mutex);
	if (rate->count < rate->count_max) {
		rate->taken_us[rate->count++] = now_us;
	} else {
		free_us = rate->taken_us[rate->oldest] + rate->span_us;
		if (now_us >= free_us) {
			rate->taken_us[rate->oldest] = now_us;
			rate->oldest = (rate->oldest + 1) % rate->count_max;
		}
	}
	mutex_unlock(&rate->mutex);
	if (now_us >= free_us)
		return true;
	*ret_wait_us = free_us - now_us;
	return false;
}
