import json, os, platform, struct, subprocess, sys, sysconfig


def full_version(info):
    text = "%d.%d.%d" % tuple(info[:3])
    return text if info[3] == "final" else text + info[3][0] + str(info[4])


def elf(path):
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head[:4] != b"\x7fELF":
                return None
            wide, little = head[4] == 2, head[5] == 1
            order = "<" if little else ">"
            machine, = struct.unpack_from(order + "H", head, 18)
            flags, = struct.unpack_from(order + "I", head, 48 if wide else 36)
            start, = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
            size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
            loader = ""
            for index in range(min(count, 128)):
                file.seek(start + size * index)
                entry = file.read(size)
                if struct.unpack_from(order + "I", entry)[0] == 3:
                    offset, = struct.unpack_from(order + ("Q" if wide else "I"), entry, 8 if wide else 4)
                    length, = struct.unpack_from(order + ("Q" if wide else "I"), entry, 32 if wide else 16)
                    file.seek(offset)
                    loader = os.fsdecode(file.read(min(length, 4096))).strip("\0")
                    break
            return {"bits": 64 if wide else 32, "little_endian": little, "machine": machine, "flags": flags, "loader": loader}
    except (OSError, ValueError, struct.error):
        return None


def libc(binary):
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").rsplit()
        return name, version
    except (AttributeError, OSError, ValueError):
        pass
    loader = binary["loader"] if binary else ""
    if "musl" not in loader:
        return None
    try:
        said = subprocess.run([loader], stderr=subprocess.PIPE, timeout=10).stderr.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return None
    lines = [line.split() for line in said.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0][0] == "musl" and lines[1][0] == "Version":
        return "musl", lines[1][1]
    return None


def macos():
    version, _, machine = platform.mac_ver()
    if version.split(".")[:2] == ["10", "16"]:
        command = [sys.executable, "-sS", "-c", "import platform; print(platform.mac_ver()[0])"]
        said = subprocess.run(command, env={"SYSTEM_VERSION_COMPAT": "0"}, stdout=subprocess.PIPE, timeout=10)
        version = said.stdout.decode().strip() or version
    return (version, machine) if version else None


def config(name, otherwise):
    value = sysconfig.get_config_var(name)
    return bool(otherwise if value is None else value)


system = platform.system()
binary = elf(sys.executable) if system == "Linux" else None
print(json.dumps({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "cache_tag": sys.implementation.cache_tag,
    "ext_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
    "soabi": sysconfig.get_config_var("SOABI"),
    "platform": sysconfig.get_platform(),
    "pointer_bits": struct.calcsize("P") * 8,
    "debug": config("Py_DEBUG", hasattr(sys, "gettotalrefcount")),
    "free_threaded": config("Py_GIL_DISABLED", False),
    "pymalloc": config("WITH_PYMALLOC", True),
    "libc": libc(binary) if system == "Linux" else None,
    "elf": binary,
    "macos": macos() if system == "Darwin" else None,
    "markers": {
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": system,
        "platform_version": platform.version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "python_full_version": platform.python_version(),
        "implementation_name": sys.implementation.name,
        "implementation_version": full_version(sys.implementation.version),
    },
}))
