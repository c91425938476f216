/* Installs by itself and dumps by a call: the interface for C. Arguments: where the dumps go. */
#include <memdump.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments)
{
    char why[512], cut[8];
    void *volatile held = malloc(12345);
    if (count != 2 || memdump_error(NULL, 0) != 0)
        return 2;
    if (memdump_dump(arguments[1]) != 0)
        return 3;
    /* It is there now, and is not overwritten. */
    if (memdump_dump(arguments[1]) != -1)
        return 4;
    size_t length = memdump_error(why, sizeof why);
    if (length != strlen(why) || memdump_error(cut, sizeof cut) != length || strlen(cut) != sizeof cut - 1)
        return 5;
    puts(why);
    setenv("MEMDUMP_SIGNAL", "nonsense", 1);
    if (memdump_install() != -1)
        return 6;
    memdump_error(why, sizeof why);
    puts(why);
    setenv("MEMDUMP_SIGNAL", "USR2", 1);
    if (memdump_install() != 0 || memdump_install() != 0)
        return 7;
    puts("listening");
    fflush(stdout);
    getchar();
    free(held);
    return 0;
}
