// gunicorn_exporter: reads the command line and does what it says.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "config/base/config_error.h"
#include "exporter/command_line.h"
#include "exporter/commands.h"

int main(int argc, char** argv) {
  using gunicorn_exporter::Command;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    const auto line = gunicorn_exporter::ParseCommandLine(arguments);
    switch (line.command) {
      case Command::kPrint:
        std::cout << line.text;
        return 0;
      case Command::kConfigCheck:
        return gunicorn_exporter::CheckConfiguration(line.flags);
      case Command::kCheck:
        return gunicorn_exporter::CheckInstances(line.flags);
      case Command::kServe:
        return gunicorn_exporter::Serve(line.flags);
    }
  } catch (const std::exception& error) {
    std::cerr << "gunicorn_exporter: " << error.what() << '\n';
  }
  return 1;
}
