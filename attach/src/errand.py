# Run by a process that memdump attaches to, in a thread of its own. `attach` fills in the arguments at the end.
def run(directory, token, package, fallback, arguments):
    import os
    import sys

    def load():
        if package is None:
            try:
                import memdump
            except ModuleNotFoundError as error:
                if error.name != "memdump" or fallback is None:
                    raise
            else:
                return memdump
        elif "memdump" in sys.modules:
            return sys.modules["memdump"]
        # Without a change to sys.path, so that the program finds nothing else there.
        from importlib import util

        place = os.path.join(os.fsdecode(package or fallback), "memdump")
        spec = util.spec_from_file_location("memdump", os.path.join(place, "__init__.py"), submodule_search_locations=[place])
        module = util.module_from_spec(spec)
        sys.modules["memdump"] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules["memdump"]
            raise
        return module

    os.unlink(os.path.join(directory, b"errand"))
    try:
        install = load().install
    except BaseException as error:
        outcome = f"import {type(error).__name__}: {error}"
    else:
        try:
            install(**arguments)
            outcome = "ok"
        except BaseException as error:
            outcome = f"install {type(error).__name__}: {error}"
    partial = os.path.join(directory, b"partial-" + token)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, outcome.encode(errors="replace")[:4000])
    finally:
        os.close(descriptor)
    os.rename(partial, os.path.join(directory, b"outcome-" + token))


try:
    run(@DIRECTORY@, @TOKEN@, @PACKAGE@, @FALLBACK@, @ARGUMENTS@)
except OSError:  # `attach` has given up, and taken the directory away
    pass
