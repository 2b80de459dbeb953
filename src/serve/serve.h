/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SERVE_SERVE_H
#define SLUICE_SERVE_SERVE_H

/* The commands that work on a data directory itself, and on what the server is started with.
 * ${argv}[0] is the command word; the result is the exit status. */

int serve_main(int argc, char **argv);        /* sluice serve --data DIR … */
int serve_app_main(int argc, char **argv);    /* sluice app create|list|secret|delete … */
int serve_user_main(int argc, char **argv);   /* sluice user create|list|password|delete … */
int serve_token_main(int argc, char **argv);  /* sluice token create|list|revoke … */
int serve_key_main(int argc, char **argv);    /* sluice key list|rotate … */
int serve_config_main(int argc, char **argv); /* sluice config check|print|manual */

#endif
