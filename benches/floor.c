/* The least that any launcher can cost: a static program that knows everything at compile time and only execs.
   command.h is generated: PROGRAM, ARGUMENTS (a list of strings, each with a comma), VARIABLES (SET(name, value) each). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define SET(name, value) setenv(name, value, 1);

extern char **environ;

int main(int argc, char **argv) {
    static char *const fixed[] = {ARGUMENTS NULL};
    size_t count = sizeof fixed / sizeof *fixed - 1;
    char *arguments[count + argc];
    memcpy(arguments, fixed, count * sizeof *fixed);
    memcpy(arguments + count, argv + 1, argc * sizeof *argv);
    VARIABLES
    execve(PROGRAM, arguments, environ);
    return 127;
}
