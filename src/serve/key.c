/* SPDX-License-Identifier: Apache-2.0 */
/* sluice key: the keys that sign tenant tokens. */
#include "serve/serve.h"

#include "auth/keys.h"
#include "auth/oauth.h"
#include "serve/admin.h"

#include <stdio.h>

static const char usage[] = "usage: sluice key rotate --data DIR\n"
			    "       sluice key list --data DIR\n"
			    "\n"
			    "Tenant tokens are signed, for those who are handed one and want to "
			    "check it: GET /id/keys has\n"
			    "the public keys.  rotate makes a new key that signs from now on.  The "
			    "one before is published\n"
			    "until the last token that it signed has ended, and then removed.  "
			    "Rotating ends no token: for\n"
			    "that there is sluice token revoke.  Works while the server runs.\n"
			    "\n"
			    "example:\n"
			    "  sluice key rotate --data ./data\n";

static enum status with_keys(const struct admin *admin,
    enum status (*use)(struct keys *keys, struct err *err), struct err *err)
{
	struct keys *keys = NULL;
	enum status st = keys_open(admin->dir.keys, OAUTH_TENANT_US, &keys, err);

	if (st == OK)
		st = use(keys, err);
	keys_close(&keys);
	return st;
}

static enum status print_new(struct keys *keys, struct err *err)
{
	char id[KEYS_ID_BYTES];
	enum status st = keys_rotate(keys, id, err);

	if (st == OK)
		printf("key %s signs from now on\n", id);
	return st;
}

static enum status rotate(const struct admin *admin, struct err *err)
{
	return with_keys(admin, print_new, err);
}

static enum status print_all(struct keys *keys, struct err *err)
{
	static const char *const names[] = {"key", "created", "signs"};
	struct keys_entry entries[KEYS_MAX];
	size_t count = 0;
	struct table *table = NULL;
	enum status st = admin_table(names, 3, &table, err);

	if (st == OK)
		st = keys_list(keys, entries, &count, err);
	for (size_t i = 0; st == OK && i < count; i++) {
		char created[ADMIN_TIME_BYTES];

		table_add(table, (const struct slice[]){slice_of(entries[i].id),
				     slice_of(admin_time(entries[i].created_us, created)),
				     slice_of(i == 0 ? "yes" : "no")});
	}
	if (st == OK)
		st = admin_print(table, err);
	table_destroy(&table);
	return st;
}

static enum status list(const struct admin *admin, struct err *err)
{
	return with_keys(admin, print_all, err);
}

int serve_key_main(int argc, char **argv)
{
	static const struct admin_verb verbs[] = {
	    {"rotate", 0, 0, 0, rotate}, {"list", 0, 0, 0, list}};

	return admin_main(argc, argv, verbs, sizeof(verbs) / sizeof(verbs[0]), usage);
}
