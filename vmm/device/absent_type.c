/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/absent_type.h"

#include <stddef.h>

#include "base/count_of.h"
#include "base/words.h"

static const struct absent_type rows[] = {
    /* clang-format off */
    { "usb-ehci ich9-usb-ehci1 ich9-usb-ehci2 ich9-usb-uhci1 ich9-usb-uhci2 ich9-usb-uhci3 ich9-usb-uhci4 "
      "ich9-usb-uhci5 ich9-usb-uhci6 piix3-usb-uhci piix4-usb-uhci pci-ohci nec-usb-xhci qemu-xhci usb-hub "
      "usb-tablet usb-kbd usb-mouse usb-wacom-tablet usb-braille",
      "hotram has no USB", ABSENT_EXTRA },
    { "virtio-gpu-pci virtio-gpu-gl-pci virtio-gpu-device virtio-vga virtio-vga-gl vhost-user-gpu "
      "vhost-user-gpu-pci vhost-user-vga VGA secondary-vga bochs-display cirrus-vga isa-vga isa-cirrus-vga qxl "
      "qxl-vga ramfb ati-vga vmware-svga",
      "hotram has no video card", ABSENT_EXTRA },
    { "virtio-keyboard-pci virtio-keyboard-device virtio-mouse-pci virtio-mouse-device virtio-tablet-pci "
      "virtio-tablet-device virtio-input-host-pci virtio-input-host-device vhost-user-input "
      "vhost-user-input-pci vmmouse i8042",
      "hotram has no keyboard and no pointer", ABSENT_EXTRA },
    { "intel-hda ich9-intel-hda hda-duplex hda-micro hda-output usb-audio AC97 ES1370 sb16 adlib gus cs4231a "
      "virtio-sound-pci virtio-sound-device",
      "hotram has no sound", ABSENT_EXTRA },
    { "pcie-pci-bridge pci-bridge i82801b11-bridge",
      "hotram has no conventional PCI bus", ABSENT_BRIDGE },

    { "usb-storage usb-bot usb-uas usb-mtp",
      "hotram has no USB; a disk is virtio-blk-pci", ABSENT_NEEDED },
    { "usb-net", "hotram has no USB; a network card is virtio-net-pci", ABSENT_NEEDED },
    { "usb-host usb-redir usb-serial usb-ccid u2f-passthru", "hotram has no USB", ABSENT_NEEDED },
    { "ide-hd ide-cd scsi-hd scsi-cd scsi-block scsi-generic floppy sd-card nvme nvme-ns nvme-subsys "
      "virtio-blk-device",
      "a disk is virtio-blk-pci", ABSENT_NEEDED },
    { "virtio-scsi-pci virtio-scsi-device vhost-scsi-pci vhost-user-scsi-pci lsi53c810 lsi53c895a megasas "
      "megasas-gen2 mptsas1068 pvscsi am53c974 dc390 ich9-ahci piix3-ide piix4-ide isa-ide isa-fdc sdhci-pci",
      "a disk is virtio-blk-pci, which needs no controller", ABSENT_NEEDED },
    { "e1000 e1000-82544gc e1000-82545em e1000e i82550 i82551 i82557a i82557b i82557c i82558a i82558b i82559a "
      "i82559b i82559c i82559er i82562 i82801 ne2k_isa ne2k_pci pcnet rtl8139 tulip vmxnet3 virtio-net-device",
      "a network card is virtio-net-pci", ABSENT_NEEDED },
    { "virtio-9p-pci virtio-9p-device", "a shared folder is vhost-user-fs-pci", ABSENT_NEEDED },
    { "ioh3420 xio3130-downstream x3130-upstream pxb-pcie pxb",
      "a port is pcie-root-port, on the bus pcie.0", ABSENT_NEEDED },
    { "tpm-tis tpm-crb tpm-tis-device", "hotram has no TPM", ABSENT_NEEDED },
    { "vfio-pci vfio-pci-nohotplug vfio-platform", "a guest gets no devices of the host", ABSENT_NEEDED },
    { "nvdimm virtio-pmem-pci", "hotram has no persistent memory; a DIMM is pc-dimm", ABSENT_NEEDED },
    { "intel-iommu amd-iommu virtio-iommu-pci", "hotram has no IOMMU", ABSENT_NEEDED },
    /* clang-format on */
};

const struct absent_type *absent_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (words_contain(rows[i].names, name))
            return &rows[i];
    return NULL;
}

const struct absent_type *absent_type_at(unsigned index)
{
    return index < COUNT_OF(rows) ? &rows[index] : NULL;
}
