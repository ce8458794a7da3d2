/* How long a program works from its own execve to the one by which it becomes another, with page faults and peak memory.
   Usage: exec_to_exec PROGRAM [ARGUMENT...]; prints nanoseconds, page faults, KiB. The successor is ended before it begins.

   A tracer stops the program at its two execs and nowhere else, so that both ends are seen from outside and the
   interpreter's own start, a hundred times longer and noisier, is no part of the figure. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int stopped_at_exec(int status) {
    return status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
}

/* Lets the program go on until it stops again. */
static int next_stop(pid_t program, struct rusage *usage) {
    int status = 0;
    if (ptrace(PTRACE_CONT, program, 0, 0) != 0 || wait4(program, &status, 0, usage) != program) return -1;
    return status;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    pid_t program = fork();
    if (program == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execve(argv[1], argv + 1, environ);
        _exit(127);
    }
    struct rusage usage;
    int status;
    if (program < 0 || waitpid(program, &status, 0) != program) return 2;
    ptrace(PTRACE_SETOPTIONS, program, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    long long began = now();
    int first = next_stop(program, &usage);
    int second = stopped_at_exec(first) ? next_stop(program, &usage) : -1;
    long long ended = now();
    if (!stopped_at_exec(second)) {
        fprintf(stderr, "exec_to_exec: %s did not become another program (status %d, %d)\n", argv[1], first, second);
        return 1;
    }
    kill(program, SIGKILL);
    waitpid(program, &status, 0);
    printf("%lld %ld %ld\n", ended - began, usage.ru_minflt, usage.ru_maxrss);
    return 0;
}
