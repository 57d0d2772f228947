#include "collectors/process/read/cgroup.h"

#include <gtest/gtest.h>

#include <string>

namespace gunicorn_exporter {
namespace {

const std::string kId(64, 'a');
const std::string kOther(64, 'b');
const std::string kUid = "3f1c2a44-0000-4000-8000-1234567890ab";
const std::string kSlice = "3f1c2a44_0000_4000_8000_1234567890ab";

TEST(ParseCgroup, FindsPodAndContainer) {
  const struct {
    std::string text;
    std::string pod_uid;
    std::string container_id;
  } table[] = {
      // containerd, systemd driver, v2.
      {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" +
           kSlice + ".slice/cri-containerd-" + kId + ".scope\n",
       kUid, kId},
      // Guaranteed pods have no class in the name.
      {"0::/kubepods.slice/kubepods-pod" + kSlice + ".slice/cri-containerd-" +
           kId + ".scope\n",
       kUid, kId},
      // cgroupfs driver, v1: many lines.
      {"9:memory:/kubepods/burstable/pod" + kUid + "/" + kId +
           "\n0::/\n1:name=systemd:/kubepods/burstable/pod" + kUid + "/" + kId +
           "\n",
       kUid, kId},
      // containerd without its own cgroup manager, v1.
      {"5:cpu:/system.slice/containerd.service/kubepods-besteffort-pod" +
           kSlice + ".slice:cri-containerd:" + kId + "\n",
       kUid, kId},
      // CRI-O.
      {"0::/kubepods.slice/kubepods-pod" + kSlice + ".slice/crio-" + kId +
           ".scope\n",
       kUid, kId},
      {"0::/kubepods.slice/kubepods-pod" + kSlice + ".slice/crio-" + kId +
           ".scope/container\n",
       kUid, kId},
      // A private cgroup namespace seen from beside.
      {"0::/../../kubepods-besteffort-pod" + kSlice + ".slice/cri-containerd-" +
           kId + ".scope\n",
       kUid, kId},
      {"0::/../cri-containerd-" + kId + ".scope\n", "", kId},
      // docker, both drivers; podman.
      {"0::/system.slice/docker-" + kId + ".scope\n", "", kId},
      {"4:memory:/docker/" + kId + "\n", "", kId},
      {"0::/machine.slice/libpod-" + kId + ".scope/container\n", "", kId},
      // A cluster in a container: the innermost counts.
      {"0::/docker/" + kOther + "/kubelet.slice/kubelet-kubepods-pod" + kSlice +
           ".slice/cri-containerd-" + kId + ".scope\n",
       kUid, kId},
      // Hybrid: the unified line says nothing.
      {"0::/\n3:pids:/docker/" + kId + "\n", "", kId},
      // A static pod's uid has no dashes.
      {"0::/kubepods.slice/kubepods-pod" + std::string(32, 'c') +
           ".slice/cri-containerd-" + kId + ".scope",
       std::string(32, 'c'), kId},
      // Fargate.
      {"0::/ecs/" + std::string(32, 'd') + "/" + std::string(32, 'd') +
           "-2531612879\n",
       "", std::string(32, 'd') + "-2531612879"},
  };
  for (const auto& row : table) {
    const Container container = ParseCgroup(row.text);
    EXPECT_EQ(container.pod_uid, row.pod_uid) << row.text;
    EXPECT_EQ(container.container_id, row.container_id) << row.text;
  }
}

TEST(ParseCgroup, SaysNothingOutsideAContainer) {
  for (const std::string& text :
       {std::string(), std::string("0::/\n"), std::string("nonsense"),
        std::string("0::/system.slice/gunicorn.service\n"),
        std::string("0::/user.slice/user-1000.slice/session-2.scope\n"),
        std::string("0::/system.slice/tripod.service\n"),
        std::string("0::/pod12345678-1234.1234-1234-123456789abc\n"),
        "0::/machine.slice/libpod-conmon-" + kId + ".scope\n",
        "0::/kubepods.slice/crio-conmon-" + kId + ".scope\n",
        "0::/docker/" + kId.substr(1) + "\n"}) {
    EXPECT_EQ(ParseCgroup(text), Container{}) << text;
  }
}

}  // namespace
}  // namespace gunicorn_exporter
