/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streamed body's way to the work lane.
 *
 * The event thread copies what the socket gives into a chunk (${filling}); a full one becomes
 * ${ready}, and a step on the work lane takes it from there and calls the route's write().  While
 * the step writes one chunk the event thread fills another; when that is full too, or the pool has
 * none left, the connection is parked, and so the client's window closes.  A chunk belongs to an
 * upload only while it holds something: a fast storage needs few, however many uploads there are.
 * And when many are in use one goes to the lane though it is not full, since a client that sends
 * slowly, or nothing any more, would keep it from all others.
 *
 * All of an upload's functions run in steps.  A step is one task of the pool: it does one thing,
 * then queues itself again, behind those of other uploads, or ends.  There is never more than one
 * step of an upload (${step_out}), so the route's functions need no locks.  What a step does
 * follows from the flags alone (choose_locked):
 *
 *	not begun			begin
 *	gone or refused, not closed	cancel, and closed
 *	ready, or the last one		write
 *	ended				finish, and closed
 *	else				nothing: the step ends
 *
 * Whoever replies owns the reply alone: a step may reply while the event thread only fills, and
 * the event thread (413) only when no step is out.  So on its way to a reply the event thread
 * parks until the step has ended.  A client that stops sending in mid-body learns of a refusal
 * only when it goes on, since a connection that is not parked cannot be woken.
 */
#include "http/request.h"

#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

enum step { STEP_NONE, STEP_BEGIN, STEP_WRITE, STEP_FINISH, STEP_CANCEL };

static void run_step(struct pool_task *task);

/* --- Chunks ----------------------------------------------------------------------------------- */

static struct upload_chunk *take_chunk_locked(struct http_server *server)
{
	struct upload_chunk *chunk = server->chunks;

	if (chunk != NULL) {
		server->chunks = chunk->next;
	} else if (server->chunk_count < UPLOAD_CHUNKS_MAX) {
		chunk = malloc(sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		server->chunk_count++;
	}
	if (chunk == NULL)
		return NULL;
	chunk->used = 0;
	server->chunks_used++;
	return chunk;
}

static void wait_for_chunk_locked(struct request *request)
{
	struct http_server *server = request->server;

	request->upload.waiting = true;
	request->upload.next_waiting = NULL;
	*server->waiting_end = request;
	server->waiting_end = &request->upload.next_waiting;
}

/* Take ${request} off the list of those that wait. */
static void leave_waiting_locked(struct request *request)
{
	struct http_server *server = request->server;
	struct request **link = &server->waiting;

	while (*link != request)
		link = &(*link)->upload.next_waiting;
	*link = request->upload.next_waiting;
	if (server->waiting_end == &request->upload.next_waiting)
		server->waiting_end = link;
	request->upload.waiting = false;
}

/* Give a chunk back; the upload that has waited longest gets it at once.  NULL is fine. */
static void give_chunk(struct http_server *server, struct upload_chunk *chunk)
{
	struct request *next;

	if (chunk == NULL)
		return;
	mutex_lock(&server->mutex);
	next = server->waiting;
	if (next != NULL) {
		leave_waiting_locked(next);
		chunk->used = 0;
		next->upload.filling = chunk;
		next->upload.parked = false;
	} else {
		/* The one used last is the one that the processor's cache still holds. */
		chunk->next = server->chunks;
		server->chunks = chunk;
		server->chunks_used--;
	}
	mutex_unlock(&server->mutex);
	if (next != NULL)
		server_unpark(next);
}

void upload_wake_waiting(struct http_server *server)
{
	struct request *request;

	do {
		mutex_lock(&server->mutex);
		request = server->waiting;
		if (request != NULL) {
			leave_waiting_locked(request);
			request->upload.parked = false;
		}
		mutex_unlock(&server->mutex);
		if (request != NULL)
			server_unpark(request);
	} while (request != NULL);
}

void upload_free_chunks(struct http_server *server)
{
	struct upload_chunk *chunk;

	while ((chunk = server->chunks) != NULL) {
		server->chunks = chunk->next;
		free(chunk);
		server->chunk_count--;
	}
	assert(server->chunk_count == 0);
}

/* --- Event thread ----------------------------------------------------------------------------- */

static void assert_flags_locked(const struct upload *u)
{
	assert(!u->begun || u->opened);
	assert(!u->closed || u->opened);
	assert(!u->step_out || u->opened);
	assert(!u->waiting || u->parked);
	assert(!(u->gone && u->parked));
}

static enum upload_next park_locked(struct request *request)
{
	if (!server_park_locked(request))
		return UPLOAD_CUT;
	request->upload.parked = true;
	return UPLOAD_PARKED;
}

/* There is a reply: it may be sent once the step that made it has ended. */
static enum upload_next await_reply_locked(struct request *request)
{
	return request->upload.step_out ? park_locked(request) : UPLOAD_REPLIED;
}

/* Is a step to be queued?  Then the caller does so without the lock. */
static bool start_step_locked(struct upload *u)
{
	if (u->step_out)
		return false;
	u->step_out = true;
	return true;
}

static void queue_step(struct request *request)
{
	request_ref(request);
	request->task.run = run_step;
	pool_submit_always(request->server->work, &request->task);
}

/* The first step is the one that the lane may refuse; then nothing was begun,
 * and nothing need be cancelled. */
static void queue_first_step(struct request *request)
{
	struct upload *u = &request->upload;

	request_ref(request);
	request->task.run = run_step;
	if (pool_submit(request->server->work, &request->task) == OK)
		return;
	respond_error(request, 503, "The server is busy; try again in a moment.");
	mutex_lock(&request->server->mutex);
	u->step_out = false;
	u->refused = true;
	u->closed = true;
	u->parked = false;
	mutex_unlock(&request->server->mutex);
	request_unref(request);
	server_unpark(request);
}

enum upload_next upload_open(struct request *request)
{
	struct upload *u = &request->upload;
	enum upload_next next;
	bool first;

	mutex_lock(&request->server->mutex);
	assert_flags_locked(u);
	first = !u->opened;
	if (first) {
		next = park_locked(request);
		u->opened = next == UPLOAD_PARKED;
		u->step_out = u->opened;
	} else {
		assert(!u->step_out);
		next = u->refused ? UPLOAD_REPLIED : UPLOAD_GO;
	}
	mutex_unlock(&request->server->mutex);
	if (first && next == UPLOAD_PARKED)
		queue_first_step(request);
	return next;
}

/* May ${count} bytes more be taken? */
static enum upload_next check_limit(struct request *request, size_t count)
{
	struct upload *u = &request->upload;
	enum upload_next next = UPLOAD_GO;
	bool over = count > request->body_bytes_max - request->received, start = false;

	mutex_lock(&request->server->mutex);
	assert_flags_locked(u);
	if (u->refused || (over && u->step_out))
		next = await_reply_locked(request);
	mutex_unlock(&request->server->mutex);
	if (next != UPLOAD_GO || !over)
		return next;

	/* No step is out, and none can start but by this thread.  The reply comes first: cancel may
	 * use the arena. */
	respond_too_large(request);
	mutex_lock(&request->server->mutex);
	u->refused = true;
	start = start_step_locked(u);
	mutex_unlock(&request->server->mutex);
	assert(start);
	queue_step(request);
	return UPLOAD_REPLIED;
}

/* Get a chunk to fill. */
static enum upload_next get_chunk(struct request *request)
{
	struct upload *u = &request->upload;
	enum upload_next next = UPLOAD_GO;

	mutex_lock(&request->server->mutex);
	if (u->refused) {
		next = await_reply_locked(request);
	} else if (u->ready != NULL) {
		assert(u->step_out);
		next = park_locked(request);
	} else {
		u->filling = take_chunk_locked(request->server);
		/* Without a single chunk in the world nobody will ever give one back. */
		if (u->filling == NULL && request->server->chunk_count == 0)
			next = UPLOAD_CUT;
		else if (u->filling == NULL)
			next = park_locked(request);
		if (u->filling == NULL && next == UPLOAD_PARKED)
			wait_for_chunk_locked(request);
	}
	mutex_unlock(&request->server->mutex);
	return next;
}

/* The chunk is full, or is not to be waited for. */
static void hand_over(struct request *request)
{
	struct upload *u = &request->upload;
	struct upload_chunk *unwanted = NULL;
	bool start = false;

	mutex_lock(&request->server->mutex);
	assert(u->ready == NULL);
	if (u->refused) {
		unwanted = u->filling;
	} else {
		u->ready = u->filling;
		start = start_step_locked(u);
	}
	u->filling = NULL;
	mutex_unlock(&request->server->mutex);
	give_chunk(request->server, unwanted);
	if (start)
		queue_step(request);
}

static bool are_chunks_scarce(struct http_server *server)
{
	bool scarce;

	mutex_lock(&server->mutex);
	scarce = server->chunks_used > UPLOAD_CHUNKS_MANY;
	mutex_unlock(&server->mutex);
	return scarce;
}

enum upload_next upload_feed(struct request *request, struct slice bytes, size_t *ret_taken)
{
	struct upload *u = &request->upload;
	enum upload_next next = check_limit(request, bytes.len);
	size_t taken = 0, count;

	while (next == UPLOAD_GO && taken < bytes.len) {
		if (u->filling == NULL)
			next = get_chunk(request);
		if (next != UPLOAD_GO)
			break;
		count = UPLOAD_CHUNK_BYTES - u->filling->used;
		if (count > bytes.len - taken)
			count = bytes.len - taken;
		memcpy(u->filling->bytes + u->filling->used, bytes.ptr + taken, count);
		u->filling->used += count;
		taken += count;
		if (u->filling->used == UPLOAD_CHUNK_BYTES)
			hand_over(request);
	}
	/* Once parked, the chunk is for whoever gives one back to say: this thread may not look. */
	if (next == UPLOAD_GO && u->filling != NULL && are_chunks_scarce(request->server))
		hand_over(request);
	request->received += taken;
	*ret_taken = taken;
	return next;
}

enum upload_next upload_end(struct request *request)
{
	struct upload *u = &request->upload;
	enum upload_next next;
	bool start = false;

	mutex_lock(&request->server->mutex);
	assert_flags_locked(u);
	if (u->refused) {
		next = await_reply_locked(request);
	} else {
		next = park_locked(request);
		u->ended = next == UPLOAD_PARKED;
		start = u->ended && start_step_locked(u);
	}
	mutex_unlock(&request->server->mutex);
	if (start)
		queue_step(request);
	return next;
}

void upload_abandon(struct request *request)
{
	struct upload *u = &request->upload;
	struct upload_chunk *chunk;
	bool start;

	mutex_lock(&request->server->mutex);
	u->gone = true;
	assert_flags_locked(u);
	chunk = u->filling;
	u->filling = NULL;
	start = u->begun && !u->closed && start_step_locked(u);
	mutex_unlock(&request->server->mutex);
	give_chunk(request->server, chunk);
	if (start)
		queue_step(request);
}

/* --- Steps ------------------------------------------------------------------------------------ */

static enum step choose_locked(struct upload *u)
{
	assert_flags_locked(u);
	if (u->closed)
		return STEP_NONE;
	if (!u->begun)
		return STEP_BEGIN;
	if (u->gone || u->refused)
		return STEP_CANCEL;
	if (u->ready != NULL || (u->ended && u->filling != NULL))
		return STEP_WRITE;
	return u->ended ? STEP_FINISH : STEP_NONE;
}

/* Unpark the connection when nothing that it can wait for is left to come. */
static bool leave_park_locked(struct request *request)
{
	struct upload *u = &request->upload;

	if (!u->parked || (u->waiting && !u->refused))
		return false;
	if (u->waiting)
		leave_waiting_locked(request);
	u->parked = false;
	return true;
}

static void step_begin(struct request *request)
{
	struct upload *u = &request->upload;

	request->match.route->upload->begin(request);
	mutex_lock(&request->server->mutex);
	u->begun = true;
	u->refused = request->reply.ready;
	mutex_unlock(&request->server->mutex);
}

static void step_write(struct request *request)
{
	struct upload *u = &request->upload;
	struct upload_chunk *chunk;
	bool unpark;

	mutex_lock(&request->server->mutex);
	chunk = u->ready;
	u->ready = NULL;
	if (chunk == NULL) {
		chunk = u->filling;
		u->filling = NULL;
	}
	/* There is room for another chunk: the client may send while this one is written. */
	unpark = !u->ended && leave_park_locked(request);
	mutex_unlock(&request->server->mutex);
	if (unpark)
		server_unpark(request);

	request->body_bytes += chunk->used;
	request->match.route->upload->write(request, (struct slice){chunk->bytes, chunk->used});
	mutex_lock(&request->server->mutex);
	u->refused = request->reply.ready;
	mutex_unlock(&request->server->mutex);
	give_chunk(request->server, chunk);
}

static void step_cancel(struct request *request)
{
	struct upload *u = &request->upload;
	struct upload_chunk *chunk;

	mutex_lock(&request->server->mutex);
	chunk = u->ready;
	u->ready = NULL;
	mutex_unlock(&request->server->mutex);
	give_chunk(request->server, chunk);
	request->match.route->upload->cancel(request);
	mutex_lock(&request->server->mutex);
	u->closed = true;
	mutex_unlock(&request->server->mutex);
}

/* From here on it is a request in its handler like any other. */
static void step_finish(struct request *request)
{
	mutex_lock(&request->server->mutex);
	assert(request->upload.parked);
	request->upload.closed = true;
	request->upload.parked = false;
	request->upload.step_out = false;
	mutex_unlock(&request->server->mutex);
	request->unpark = true;
	request->handling = true;
	request->match.route->upload->finish(request);
	assert(request->deferred || request->reply.ready);
}

/* What is to be done next, after a step?  Queue it, or end. */
static void end_step(struct request *request)
{
	struct upload *u = &request->upload;
	bool again, unpark;

	mutex_lock(&request->server->mutex);
	again = choose_locked(u) != STEP_NONE;
	u->step_out = again;
	unpark = !again && leave_park_locked(request);
	mutex_unlock(&request->server->mutex);
	if (again)
		pool_submit_always(request->server->work, &request->task);
	if (unpark)
		server_unpark(request);
	if (!again)
		request_unref(request);
}

static void run_step(struct pool_task *task)
{
	struct request *request = (struct request *)((char *)task - offsetof(struct request, task));
	enum step step;

	mutex_lock(&request->server->mutex);
	step = choose_locked(&request->upload);
	mutex_unlock(&request->server->mutex);
	switch (step) {
	case STEP_NONE:
		break;
	case STEP_BEGIN:
		step_begin(request);
		break;
	case STEP_WRITE:
		step_write(request);
		break;
	case STEP_CANCEL:
		step_cancel(request);
		break;
	case STEP_FINISH:
		step_finish(request);
		request_unref(request);
		return;
	}
	end_step(request);
}
