"""Picture files in every dress that common tools give them: variants.py FOLDER writes several hundred of them.

Needs Pillow, tifffile and numpy (pip) and, for most variants, the Debian packages imagemagick, libtiff-tools, webp,
gifsicle, libjpeg-turbo-progs and netpbm; what a missing tool would have made is left out and said.
"""
import itertools
import os
import shutil
import struct
import subprocess
import sys
import zlib

import numpy
import tifffile
from PIL import Image, ImageCms

try:
    import pillow_heif
    pillow_heif.register_heif_opener()
except ImportError:  # the files that it would have made are left out and said
    pass

WIDTH, HEIGHT = 61, 47  # odd, so that blocks, bytes and tiles end within the picture


def base():
    """Smooth colours that differ in every corner, with an edge and a few flat patches."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    rgb = numpy.stack([255 * x / (WIDTH - 1), 255 * y / (HEIGHT - 1), 128 + 90 * numpy.sin((x + y) / 9)], 2)
    rgb[8:20, 8:24] = (220, 40, 30)
    rgb[25:40, 35:50] = (20, 60, 200)
    return Image.fromarray(rgb.round().astype(numpy.uint8))


RGB = base()
GREY = RGB.convert("L")
ALPHA = Image.fromarray(numpy.linspace(0, 255, WIDTH).round().astype(numpy.uint8)[None].repeat(HEIGHT, 0))
RGBA = RGB.copy()
RGBA.putalpha(ALPHA)
LA = GREY.convert("LA")
LA.putalpha(ALPHA)
PALETTE = RGB.quantize(64)
BILEVEL = GREY.convert("1")
DEEP = Image.fromarray((numpy.asarray(GREY).astype(numpy.uint16) * 257))


class Maker:
    def __init__(self, folder):
        self.folder, self.count, self.failed = folder, 0, []
        os.makedirs(folder, exist_ok=True)
        self.source = os.path.join(folder, ".source")
        os.makedirs(self.source, exist_ok=True)
        for name, image in dict(rgb=RGB, grey=GREY, rgba=RGBA, la=LA, palette=PALETTE, bilevel=BILEVEL).items():
            image.save(self.at(name + ".png"))
        RGB.save(self.at("rgb.ppm"))
        GREY.save(self.at("grey.pgm"))
        BILEVEL.save(self.at("bilevel.pbm"))
        for name, image in dict(rgb=RGB, grey=GREY, palette=PALETTE, bilevel=BILEVEL, cmyk=RGB.convert("CMYK")).items():
            image.save(self.at(name + ".tif"))
        frames = [RGB.rotate(90 * i) for i in range(3)]
        frames[0].save(self.at("moving.gif"), save_all=True, append_images=frames[1:], duration=80)

    def at(self, name):
        return os.path.join(self.source, name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def bytes(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        self.count += 1

    def pillow(self, name, image, **options):
        try:
            image.save(self.path(name), **options)
            self.count += 1
        except Exception as error:  # whatever this Pillow can't write
            self.failed.append(f"{name}: {error}")
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))

    def run(self, name, *command, to_stdout=False):
        """A tool's command line; OUT in it is the file."""
        if not shutil.which(command[0]):
            self.failed.append(f"{name}: {command[0]} is not installed")
            return
        words = [self.path(name) if word == "OUT" else word.replace("OUT", self.path(name)) if ":OUT" in word else word
                 for word in command]
        done = subprocess.run(words, capture_output=True)
        if to_stdout and done.returncode == 0:
            with open(self.path(name), "wb") as file:
                file.write(done.stdout)
        if done.returncode == 0 and os.path.exists(self.path(name)) and os.path.getsize(self.path(name)):
            self.count += 1
            return
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        self.failed.append(f"{name}: {command[0]}: {last}")
        if os.path.exists(self.path(name)):
            os.remove(self.path(name))

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def jpeg(m):
    for mode, quality, sampling, progressive in itertools.product("L RGB CMYK".split(), (30, 95), (0, 1, 2), (0, 1)):
        if mode == "L" and sampling:
            continue
        m.pillow(f"pillow-{mode}-q{quality}-s{sampling}-p{progressive}.jpg", RGB.convert(mode), quality=quality,
                 subsampling=sampling, progressive=bool(progressive))
    for orientation in range(1, 9):
        m.pillow(f"pillow-exif-{orientation}.jpg", RGB, quality=95, exif=exif(orientation))
    m.pillow("pillow-optimize.jpg", RGB, quality=90, optimize=True)
    m.pillow("pillow-restart.jpg", RGB, quality=90, restart_marker_blocks=2)
    m.pillow("pillow-keep_rgb.jpg", RGB, quality=95, keep_rgb=True)
    m.pillow("pillow-icc.jpg", RGB, quality=95, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    m.pillow("pillow-comment.jpg", RGB, quality=95, comment="a comment")
    m.pillow("pillow.mpo", RGB, save_all=True, append_images=[RGB.rotate(180)], quality=95)

    source = m.at("rgb.ppm")
    for flags in ("-grayscale", "-rgb", "-arithmetic", "-arithmetic -progressive", "-progressive", "-optimize", "-baseline",
                  "-dct int", "-dct fast", "-dct float", "-restart 1", "-restart 4B", "-smooth 10", "-sample 1x1",
                  "-sample 2x1", "-sample 1x2", "-sample 2x2", "-sample 4x1", "-sample 4x2", "-sample 1x1,2x2,1x1", "-quality 100"):
        m.run(f"cjpeg{flags.replace(' ', '')}.jpg", "cjpeg", "-quality", "92", *flags.split(), source, to_stdout=True)
    scripts = {"components": "0;1;2;", "two": "0;1 2;", "spectral": "0 1 2:0-0,0,0;0:1-63,0,0;1:1-63,0,0;2:1-63,0,0;",
               "successive": "0 1 2:0-0,0,1;0:1-63,0,2;1:1-63,0,1;2:1-63,0,1;0:1-63,2,1;0:1-63,1,0;1:1-63,1,0;2:1-63,1,0;0 1 2:0-0,1,0;"}
    for name, script in scripts.items():
        with open(m.at(name + ".scans"), "w") as file:
            file.write(script.replace(";", ";\n").replace(":", ": ").replace("-", "-").replace(",0,", ", 0, "))
        m.run(f"cjpeg-scans-{name}.jpg", "cjpeg", "-quality", "92", "-scans", m.at(name + ".scans"), source, to_stdout=True)

    for name, flags in {"cmyk": "-colorspace CMYK", "grey": "-colorspace Gray", "rgb": "-colorspace RGB", "444": "-sampling-factor 4:4:4",
                        "422": "-sampling-factor 4:2:2", "440": "-sampling-factor 4:4:0", "411": "-sampling-factor 4:1:1",
                        "420": "-sampling-factor 4:2:0", "line": "-interlace Line", "plane": "-interlace Plane",
                        "progressive": "-interlace JPEG", "bilevel": "-monochrome", "lab": "-colorspace Lab", "ycbcr": "-colorspace YCbCr",
                        "density": "-density 300 -units PixelsPerInch"}.items():
        m.run(f"magick-{name}.jpg", "convert", m.at("rgb.png"), "-quality", "95", *flags.split(), "OUT")

    def without(data, marker):
        """A JPEG without its segments of this kind."""
        out, at = data[:2], 2
        while data[at] == 0xFF and data[at + 1] != 0xDA:
            length = struct.unpack(">H", data[at + 2:at + 4])[0]
            if data[at + 1] != marker:
                out += data[at:at + 2 + length]
            at += 2 + length
        return out + data[at:]

    for name in ("pillow-CMYK-q95-s0-p0", "magick-cmyk", "magick-rgb", "cjpeg-rgb", "pillow-keep_rgb", "pillow-RGB-q95-s0-p0"):
        if os.path.exists(m.path(name + ".jpg")):
            m.bytes(f"bytes-{name}-no-adobe.jpg", without(m.read(name + ".jpg"), 0xEE))
            m.bytes(f"bytes-{name}-no-jfif.jpg", without(m.read(name + ".jpg"), 0xE0))
    for name in ("pillow-RGB-q95-s0-p0", "pillow-RGB-q95-s2-p1", "pillow-L-q95-s0-p0", "cjpeg-arithmetic", "cjpeg-scans-components"):
        if os.path.exists(m.path(name + ".jpg")):
            data = m.read(name + ".jpg")
            m.bytes(f"bytes-{name}-no-end.jpg", data[:-2])
            m.bytes(f"bytes-{name}-half-end.jpg", data[:-1])
            m.bytes(f"bytes-{name}-more.jpg", data + b"more bytes" * 20)
            m.bytes(f"bytes-{name}-cut.jpg", data[:len(data) * 3 // 4])
    data = m.read("pillow-RGB-q95-s0-p0.jpg")
    m.bytes("bytes-two-exif.jpg", data[:2] + b"".join(
        b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in (b"http://ns.adobe.com/xap/1.0/\0<x/>", exif(6), exif(3))) + data[2:])
    m.bytes("bytes-fill.jpg", data[:2] + b"\xff\xff\xff" + data[3:])


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(m):
    images = {"1": BILEVEL, "L": GREY, "LA": LA, "P": PALETTE, "RGB": RGB, "RGBA": RGBA, "I16": DEEP}
    for mode, image in images.items():
        m.pillow(f"pillow-{mode}.png", image)
        m.pillow(f"pillow-{mode}-optimize.png", image, optimize=True)
    for bits in (1, 2, 4, 8):
        m.pillow(f"pillow-P-bits{bits}.png", RGB.quantize(1 << bits), bits=bits)
    m.pillow("pillow-P-transparent.png", PALETTE, transparency=7)
    m.pillow("pillow-P-alphas.png", PALETTE, transparency=bytes(range(0, 256, 4)))
    m.pillow("pillow-L-transparent.png", GREY, transparency=120)
    m.pillow("pillow-RGB-transparent.png", RGB, transparency=(220, 40, 30))
    for orientation in range(1, 9):
        m.pillow(f"pillow-exif-{orientation}.png", RGB, exif=exif(orientation))
    frames = [RGB.rotate(90 * i) for i in range(3)]
    m.pillow("pillow-animated.png", frames[0], save_all=True, append_images=frames[1:])
    m.pillow("pillow-animated-own-default.png", RGB.rotate(45), save_all=True, append_images=frames, default_image=True)
    for kind, depth, interlace in itertools.product((0, 2, 3, 4, 6), (1, 2, 4, 8, 16), ("None", "PNG")):
        source = {0: "grey", 2: "rgb", 3: "palette", 4: "la", 6: "rgba"}[kind]
        m.run(f"magick-type{kind}-depth{depth}-{interlace}.png", "convert", m.at(source + ".png"), "-interlace", interlace,
              "-define", f"png:color-type={kind}", "-define", f"png:bit-depth={depth}", "OUT")
    for prefix in ("PNG8", "PNG24", "PNG32", "PNG48", "PNG64", "PNG00"):
        for source in ("rgb", "rgba"):
            m.run(f"magick-{prefix}-{source}.png", "convert", m.at(source + ".png"), f"{prefix}:OUT")
    for flags in ("", "-interlace", "-gamma=0.45455", "-gamma=1.0", "-gamma=0.3", "-transparent=rgb:dc/28/1e", "-background=rgb:00/ff/00",
                  "-force", "-compression=0", "-srgbintent=perceptual", "-hist"):
        m.run(f"netpbm{flags.split('=')[0]}{flags.split('=')[-1].replace('/', '').replace(':', '')[-6:]}.png", "pnmtopng", *flags.split(),
              m.at("rgb.ppm"), to_stdout=True)
    for flags in ("", "-interlace", "-transparent=gray"):
        m.run(f"netpbm-grey{flags.replace('=', '')}.png", "pnmtopng", *flags.split(), m.at("grey.pgm"), to_stdout=True)
    data = m.read("pillow-RGB.png")
    header, rest = data[:33], data[33:]
    m.bytes("bytes-no-end.png", data[:-12])
    m.bytes("bytes-half-end.png", data[:-6])
    m.bytes("bytes-more.png", data + b"more bytes" * 20)
    m.bytes("bytes-cut.png", data[:len(data) * 3 // 4])
    m.bytes("bytes-gamma-1.png", header + chunk(b"gAMA", struct.pack(">I", 100000)) + rest)
    m.bytes("bytes-gamma-srgb.png", header + chunk(b"gAMA", struct.pack(">I", 45455)) + rest)
    m.bytes("bytes-srgb-chunk.png", header + chunk(b"sRGB", b"\0") + rest)
    m.bytes("bytes-background.png", header + chunk(b"bKGD", struct.pack(">HHH", 0, 255, 0)) + rest)
    rgba = m.read("pillow-RGBA.png")
    m.bytes("bytes-background-alpha.png", rgba[:33] + chunk(b"bKGD", struct.pack(">HHH", 0, 255, 0)) + rgba[33:])
    m.bytes("bytes-exif-late.png", data[:-12] + chunk(b"eXIf", exif(6)[6:]) + data[-12:])
    m.bytes("bytes-bad-text-sum.png", header + chunk(b"tEXt", b"Comment\0x")[:-1] + b"\0" + rest)
    m.bytes("bytes-xmp-orientation.png", header + chunk(
        b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<rdf:Description tiff:Orientation="6"/>') + rest)


def gif(m):
    for mode, image in {"L": GREY, "P": PALETTE, "1": BILEVEL, "RGB": RGB, "RGBA": RGBA}.items():
        for interlace in (0, 1):
            m.pillow(f"pillow-{mode}-i{interlace}.gif", image, interlace=interlace)
    m.pillow("pillow-transparent.gif", PALETTE, transparency=5)
    m.pillow("pillow-background.gif", PALETTE, transparency=5, background=9)
    m.pillow("pillow-comment.gif", PALETTE, comment=b"x" * 700)
    frames = [RGBA.rotate(90 * i) for i in range(3)]
    for disposal in (0, 1, 2, 3):
        m.pillow(f"pillow-moving-d{disposal}.gif", frames[0], save_all=True, append_images=frames[1:], disposal=disposal)
    for colours in (2, 3, 4, 8, 16, 32, 100, 256):
        m.run(f"magick-colours{colours}.gif", "convert", m.at("rgb.png"), "-colors", str(colours), "OUT")
    for dispose, layers in itertools.product(("None", "Background", "Previous"), ("", "optimize", "coalesce")):
        m.run(f"magick-{dispose}-{layers or 'plain'}.gif", "convert", "-dispose", dispose, "-delay", "10", m.at("rgba.png"),
              "(", m.at("rgba.png"), "-rotate", "180", ")", *(["-layers", layers] if layers else []), "OUT")
    m.run("magick-offset.gif", "convert", "-page", "90x80+11+13", m.at("rgb.png"), "OUT")
    m.run("magick-offset-transparent.gif", "convert", "-page", "90x80+11+13", m.at("rgba.png"), "OUT")
    for name, flags in {"interlace": "--interlace", "O1": "-O1", "O2": "-O2", "O3": "-O3", "crop": "--crop 5,5+30x20", "colours16": "--colors 16",
                        "screen-small": "--logical-screen 30x20", "screen-large": "--logical-screen 100x90", "transparent": "--transparent 3",
                        "background": "--background 4", "unoptimize": "--unoptimize", "disposal-bg": "--disposal background", "lossy": "--lossy=80",
                        "position": "--position 9,7 --logical-screen 90x70", "flip": "--flip-horizontal", "grey": "--use-colormap gray",
                        "no-comments": "--no-comments --no-names", "careful": "--careful"}.items():
        m.run(f"gifsicle-{name}.gif", "gifsicle", *flags.split(), m.at("moving.gif"), "-o", "OUT")
    data = m.read("pillow-P-i0.gif")
    m.bytes("bytes-no-end.gif", data[:-1])
    m.bytes("bytes-more.gif", data + b"more bytes" * 20)
    m.bytes("bytes-cut.gif", data[:len(data) * 3 // 4])
    m.bytes("bytes-87a.gif", b"GIF87a" + data[6:])
    m.bytes("bytes-screen-0x0.gif", data[:6] + bytes(4) + data[10:])
    m.bytes("bytes-screen-20x10.gif", data[:6] + struct.pack("<HH", 20, 10) + data[10:])
    moving = m.read("gifsicle-careful.gif") if os.path.exists(m.path("gifsicle-careful.gif")) else b""
    if moving:
        m.bytes("bytes-moving-no-end.gif", moving[:-1])
        m.bytes("bytes-moving-cut.gif", moving[:len(moving) * 5 // 6])
        m.bytes("bytes-zeros-before-end.gif", moving[:-1] + b"\0\0\0;")


def webp(m):
    for name, image in {"RGB": RGB, "RGBA": RGBA, "L": GREY}.items():
        for lossless, quality in ((True, 100), (False, 90), (False, 20)):
            m.pillow(f"pillow-{name}-{'lossless' if lossless else quality}.webp", image, lossless=lossless, quality=quality)
    m.pillow("pillow-exact.webp", RGBA, lossless=True, exact=True)
    for orientation in range(1, 9):
        m.pillow(f"pillow-exif-{orientation}.webp", RGB, lossless=True, exif=exif(orientation))
    frames = [RGBA.rotate(90 * i) for i in range(3)]
    for flags in (dict(), dict(lossless=True), dict(minimize_size=True), dict(allow_mixed=True), dict(background=(0, 255, 0, 255))):
        m.pillow(f"pillow-moving-{'-'.join(flags) or 'plain'}.webp", frames[0], save_all=True, append_images=frames[1:], **flags)
    for flags in ("-q 0", "-q 50", "-q 100", "-lossless", "-near_lossless 40", "-noalpha", "-alpha_q 10", "-alpha_filter best", "-m 0", "-m 6",
                  "-preset photo", "-preset text", "-pass 3", "-segments 4 -strong", "-sharp_yuv", "-crop 3 5 40 30", "-resize 33 0", "-exact -lossless",
                  "-jpeg_like", "-partition_limit 50", "-blend_alpha 0x00ff00"):
        m.run(f"cwebp{flags.replace(' ', '')}.webp", "cwebp", "-quiet", *flags.split(), m.at("rgba.png"), "-o", "OUT")
    for flags in ("", "-lossy", "-mixed", "-min_size", "-kmin 1 -kmax 3"):
        m.run(f"gif2webp{flags.replace(' ', '')}.webp", "gif2webp", "-quiet", *flags.split(), m.at("moving.gif"), "-o", "OUT")
    for flags in ("", "-lossy", "-mixed"):
        m.run(f"img2webp{flags}.webp", "img2webp", *flags.split(), m.at("rgba.png"), m.at("rgb.png"), "-o", "OUT")
    data = m.read("pillow-RGB-lossless.webp")
    m.bytes("bytes-more.webp", data + b"more bytes" * 20)
    m.bytes("bytes-cut.webp", data[:len(data) * 3 // 4])
    m.bytes("bytes-riff-size-0.webp", data[:4] + bytes(4) + data[8:])
    m.bytes("bytes-riff-size-large.webp", data[:4] + struct.pack("<I", len(data) + 100) + data[8:])
    payload = data[12:]
    size = struct.unpack("<I", payload[4:8])[0]
    if size % 2:
        m.bytes("bytes-no-padding.webp", data[:12] + payload[:8 + size])


def tiff(m):
    images = {"1": BILEVEL, "L": GREY, "LA": LA, "P": PALETTE, "RGB": RGB, "RGBA": RGBA, "CMYK": RGB.convert("CMYK"), "YCbCr": RGB.convert("YCbCr"),
              "LAB": ImageCms.applyTransform(RGB, ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")),
              "I16": DEEP, "I": GREY.convert("I"), "F": GREY.convert("F")}
    for (mode, image), packed in itertools.product(images.items(), ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma")):
        m.pillow(f"pillow-{mode}-{packed}.tif", image, compression=packed)
    for packed in ("group3", "group4", "tiff_ccitt"):
        m.pillow(f"pillow-1-{packed}.tif", BILEVEL, compression=packed)
    for mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr"):
        m.pillow(f"pillow-{mode}-jpeg.tif", images[mode], compression="jpeg")
    for orientation in range(1, 9):
        m.pillow(f"pillow-orientation-{orientation}.tif", RGB, tiffinfo={274: orientation})
    m.pillow("pillow-big.tif", RGB, big_tiff=True)
    m.pillow("pillow-pages.tif", RGB, save_all=True, append_images=[RGB.rotate(180)])
    for packed, planes, layout in itertools.product(("none", "lzw", "lzw:2", "zip", "zip:2", "packbits", "jpeg", "jpeg:r", "lzma", "zstd", "webp"), ("contig", "separate"),
                                                    (("strips", ["-s", "-r", "16"]), ("tiles", ["-t", "-w", "16", "-l", "32"]))):
        m.run(f"tiffcp-{packed.replace(':', '')}-{planes}-{layout[0]}.tif", "tiffcp", "-c", packed, "-p", planes, *layout[1], m.at("rgb.tif"), "OUT")
    for packed in ("g3", "g3:1d", "g3:2d", "g3:fill", "g4", "none", "packbits"):
        for fill in ("msb2lsb", "lsb2msb"):
            m.run(f"tiffcp-bilevel-{packed.replace(':', '')}-{fill}.tif", "tiffcp", "-c", packed, "-f", fill, m.at("bilevel.tif"), "OUT")
    for flags in ("-B", "-L", "-8", "-8 -B"):
        for source in ("rgb", "palette", "cmyk", "grey"):
            m.run(f"tiffcp{flags.replace(' ', '')}-{source}.tif", "tiffcp", *flags.split(), m.at(source + ".tif"), "OUT")
    for depth, endian in itertools.product((1, 2, 4, 8, 10, 12, 14, 16, 32), ("MSB", "LSB")):
        for source in ("grey", "rgb"):
            m.run(f"magick-{source}-depth{depth}-{endian}.tif", "convert", m.at(source + ".png"), "-depth", str(depth), "-endian", endian, "OUT")
    for depth in (16, 32):
        m.run(f"magick-float{depth}.tif", "convert", m.at("rgb.png"), "-depth", str(depth), "-define", "quantum:format=floating-point", "OUT")
        m.run(f"magick-signed{depth}.tif", "convert", m.at("rgb.png"), "-depth", str(depth), "-define", "quantum:format=signed", "OUT")
    for alpha, source, depth in itertools.product(("associated", "unassociated", "unspecified"), ("rgba", "la"), (8, 16)):
        m.run(f"magick-{source}-{alpha}-{depth}.tif", "convert", m.at(source + ".png"), "-depth", str(depth), "-define", f"tiff:alpha={alpha}", "OUT")
    for name, flags in {"white-is-0": "-define quantum:polarity=min-is-white", "white-is-0-bilevel": "-monochrome -define quantum:polarity=min-is-white",
                        "planes": "-interlace Plane", "cmyk": "-colorspace CMYK", "cmyk16": "-colorspace CMYK -depth 16", "lab": "-colorspace Lab",
                        "lab16": "-colorspace Lab -depth 16", "palette": "-type Palette", "palette16": "-type Palette -colors 12 -depth 4", "rows": "-define tiff:rows-per-strip=3",
                        "tiles": "-define tiff:tile-geometry=32x16", "fill": "-monochrome -define tiff:fill-order=lsb -compress Group4",
                        "jpeg": "-compress JPEG", "jpeg-grey": "-colorspace Gray -compress JPEG", "ycbcr": "-colorspace YCbCr -compress JPEG"}.items():
        m.run(f"magick-{name}.tif", "convert", m.at("rgb.png"), *flags.split(), "OUT")

    rgb, alpha = numpy.asarray(RGB), numpy.asarray(ALPHA)
    nir = (255 - numpy.asarray(GREY))[..., None]
    five = numpy.concatenate([rgb, nir, alpha[..., None]], 2)
    four = five[..., :4]
    deep = lambda samples: samples.astype(numpy.uint16) * 257
    contig = dict(photometric="rgb", planarconfig="contig")

    def written(name, samples, **options):
        try:
            tifffile.imwrite(m.path(name), samples, **options)
            m.count += 1
        except Exception as error:
            m.failed.append(f"{name}: {error}")

    for kind, number in (("unspecified", 0), ("associated", 1), ("unassociated", 2)):
        straight = numpy.concatenate([rgb, alpha[..., None]], 2)
        held = (straight * numpy.where(numpy.arange(4) < 3, alpha[..., None] / 255.0, 1)).round().astype(numpy.uint8) if number == 1 else straight
        for name, samples in (("8", held), ("16", deep(held))):
            written(f"tifffile-rgba-{kind}-{name}.tif", samples, extrasamples=[number], **contig)
            written(f"tifffile-rgba-{kind}-{name}-planes.tif", samples.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", extrasamples=[number])
            written(f"tifffile-la-{kind}-{name}.tif", samples[..., [1, 3]], photometric="minisblack", planarconfig="contig", extrasamples=[number])
    written("tifffile-nir.tif", four, extrasamples=[0], **contig)
    written("tifffile-nir16.tif", deep(four), extrasamples=[0], **contig)
    written("tifffile-nir-tiles.tif", four, extrasamples=[0], tile=(32, 16), **contig)
    written("tifffile-nir-planes.tif", four.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", extrasamples=[0])
    written("tifffile-nir-zip.tif", four, extrasamples=[0], compression="zlib", predictor=True, **contig)
    written("tifffile-five.tif", five, extrasamples=[0, 0], **contig)
    written("tifffile-five-planes.tif", five.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", extrasamples=[0, 0])
    written("tifffile-five-alpha-last.tif", five, extrasamples=[0, 2], **contig)
    written("tifffile-alpha-and-more.tif", five[..., [0, 1, 2, 4, 3]], extrasamples=[2, 0], **contig)
    written("tifffile-grey-and-nir.tif", five[..., [1, 3]], photometric="minisblack", planarconfig="contig", extrasamples=[0])
    written("tifffile-grey-and-nir16.tif", deep(five[..., [1, 3]]), photometric="minisblack", planarconfig="contig", extrasamples=[0])
    ink = numpy.asarray(RGB.convert("CMYK"))
    written("tifffile-cmyk-and-more.tif", numpy.concatenate([ink, nir], 2), photometric="separated", planarconfig="contig", extrasamples=[0])
    written("tifffile-cmyk-alpha.tif", numpy.concatenate([ink, alpha[..., None]], 2), photometric="separated", planarconfig="contig", extrasamples=[2])
    written("tifffile-cmyk-planes.tif", ink.transpose(2, 0, 1), photometric="separated", planarconfig="separate")
    written("tifffile-white-is-0.tif", 255 - rgb[..., 1], photometric="miniswhite")
    written("tifffile-white-is-0-16.tif", deep(255 - rgb[..., 1]), photometric="miniswhite")
    written("tifffile-float.tif", (rgb / 255).astype(numpy.float32), **contig)
    written("tifffile-half.tif", (rgb / 255).astype(numpy.float16), **contig)
    written("tifffile-int8.tif", (rgb // 2).astype(numpy.int8), **contig)
    written("tifffile-int16.tif", rgb.astype(numpy.int16), **contig)
    written("tifffile-uint32.tif", rgb.astype(numpy.uint32) * 16843009, **contig)
    written("tifffile-one-band-float.tif", rgb[..., 1].astype(numpy.float32), photometric="minisblack")
    written("tifffile-thumbnail-first.tif", rgb[::4, ::4], subfiletype=1, **contig)
    written("tifffile-giant-tile.tif", rgb[:16, :16], tile=(4096, 4096), compression="zlib", **contig)
    written("tifffile-large-tile.tif", rgb, tile=(512, 512), compression="zlib", **contig)
    for horizontal, vertical in ((1, 1), (2, 1), (2, 2), (4, 2)):
        m.bytes(f"bytes-ycbcr-{horizontal}x{vertical}.tif", ycbcr_tiff(horizontal, vertical))
    data = m.read("pillow-RGB-tiff_lzw.tif")
    m.bytes("bytes-more.tif", data + b"more bytes" * 20)
    m.bytes("bytes-cut.tif", data[:len(data) * 3 // 4])


def ycbcr_tiff(horizontal, vertical):
    """Uncompressed YCbCr with subsampled chroma: data units of horizontal x vertical Y, then Cb and Cr."""
    y, cb, cr = (numpy.pad(plane, ((0, -HEIGHT % vertical), (0, -WIDTH % horizontal)), mode="edge")
                 for plane in numpy.moveaxis(numpy.asarray(RGB.convert("YCbCr")), 2, 0))
    units = [y[i::vertical, j::horizontal] for i in range(vertical) for j in range(horizontal)]
    mean = lambda plane: plane.reshape(len(y) // vertical, vertical, -1, horizontal).mean((1, 3)).round().astype(numpy.uint8)
    data = numpy.stack(units + [mean(cb), mean(cr)], 2).tobytes()
    tail = 8 + len(data) + len(data) % 2
    reference = struct.pack("<12I", 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    entries = [(256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, 3, tail + 48), (259, 3, 1, 1), (262, 3, 1, 6), (273, 4, 1, 8), (277, 3, 1, 3),
               (278, 4, 1, HEIGHT), (279, 4, 1, len(data)), (284, 3, 1, 1), (530, 3, 2, horizontal | vertical << 16), (532, 5, 6, tail)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return struct.pack("<2sHI", b"II", 42, tail + 54) + data + bytes(len(data) % 2) + reference + struct.pack("<3H", 8, 8, 8) + directory


def bitmap(width, height, bits, rows, palette=b"", masks=b"", compression=0, header=40, top_down=False, colours=0):
    """A BMP file of rows as they are stored."""
    info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(rows), 2835, 2835, colours, 0)
    if header > 40:
        info += masks.ljust(header - 40, b"\0")
        masks = b""
    offset = 14 + len(info) + len(masks) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset) + info + masks + palette + rows


def bmp(m):
    for mode, image in {"1": BILEVEL, "L": GREY, "P": PALETTE, "RGB": RGB, "RGBA": RGBA}.items():
        m.pillow(f"pillow-{mode}.bmp", image)
    for version in ("BMP", "BMP2", "BMP3"):
        for source in ("rgb", "rgba", "grey", "palette", "bilevel"):
            m.run(f"magick-{version}-{source}.bmp", "convert", m.at(source + ".png"), f"{version}:OUT")
            m.run(f"magick-{version}-{source}-rle.bmp", "convert", m.at(source + ".png"), "-compress", "RLE", f"{version}:OUT")
    for subtype in ("RGB555", "RGB565", "ARGB4444", "ARGB1555"):
        m.run(f"magick-{subtype}.bmp", "convert", m.at("rgba.png"), "-define", f"bmp:subtype={subtype}", "OUT")
    for colours in (2, 3, 16, 17, 255):
        m.run(f"magick-colours{colours}.bmp", "convert", m.at("rgb.png"), "-colors", str(colours), "-type", "Palette", "BMP3:OUT")
    for flags in ("-windows", "-os2", "-windows -bpp=8", "-windows -bpp=24"):
        m.run(f"netpbm{flags.replace(' ', '').replace('=', '')}.bmp", "ppmtobmp", *flags.split(), m.at("palette.ppm" if "8" in flags else "rgb.ppm"), to_stdout=True)
    rgb = numpy.asarray(RGB)

    def rows(samples, top_down=False):
        lines = [line.tobytes() for line in samples]
        return b"".join(line + bytes(-len(line) % 4) for line in (lines if top_down else lines[::-1]))

    r, g, b = (rgb[..., i].astype(numpy.uint32) for i in range(3))
    bgr = rgb[..., ::-1]
    m.bytes("bytes-24-top-down.bmp", bitmap(WIDTH, HEIGHT, 24, rows(bgr, True), top_down=True))
    five = ((r >> 3) << 10 | (g >> 3) << 5 | b >> 3).astype("<u2")
    six = ((r >> 3) << 11 | (g >> 2) << 5 | b >> 3).astype("<u2")
    m.bytes("bytes-555.bmp", bitmap(WIDTH, HEIGHT, 16, rows(five)))
    m.bytes("bytes-555-masks.bmp", bitmap(WIDTH, HEIGHT, 16, rows(five), masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F), compression=3))
    m.bytes("bytes-565-masks.bmp", bitmap(WIDTH, HEIGHT, 16, rows(six), masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F), compression=3))
    whole = (r << 16 | g << 8 | b | 255 << 24).astype("<u4")
    swapped = (b << 16 | g << 8 | r).astype("<u4")
    m.bytes("bytes-32.bmp", bitmap(WIDTH, HEIGHT, 32, rows(whole & 0xFFFFFF)))
    m.bytes("bytes-32-high-byte.bmp", bitmap(WIDTH, HEIGHT, 32, rows(whole)))
    m.bytes("bytes-32-masks.bmp", bitmap(WIDTH, HEIGHT, 32, rows(whole), masks=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF), compression=3))
    m.bytes("bytes-32-masks-swapped.bmp", bitmap(WIDTH, HEIGHT, 32, rows(swapped), masks=struct.pack("<III", 0xFF, 0xFF00, 0xFF0000), compression=3))
    ten = ((r * 1023 // 255) << 20 | (g * 1023 // 255) << 10 | b * 1023 // 255).astype("<u4")
    m.bytes("bytes-32-masks-10.bmp", bitmap(WIDTH, HEIGHT, 32, rows(ten), masks=struct.pack("<III", 0x3FF00000, 0xFFC00, 0x3FF), compression=3))
    clear = (r << 16 | g << 8 | b | numpy.asarray(ALPHA).astype(numpy.uint32) << 24).astype("<u4")
    for header in (56, 108, 124):
        m.bytes(f"bytes-32-alpha-v{header}.bmp", bitmap(WIDTH, HEIGHT, 32, rows(clear), masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000), compression=3, header=header))
    m.bytes("bytes-32-alpha-all-0.bmp", bitmap(WIDTH, HEIGHT, 32, rows(whole & 0xFFFFFF), masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000), compression=3, header=124))
    grey = b"".join(bytes((i, i, i, 0)) for i in range(256))
    index = numpy.asarray(GREY)
    m.bytes("bytes-8-grey.bmp", bitmap(WIDTH, HEIGHT, 8, rows(index), palette=grey))
    sixteen = b"".join(bytes((i * 17, i * 17, i * 17, 0)) for i in range(16))
    low = index >> 4
    packed = low[:, ::2] << 4
    packed[:, :WIDTH // 2] |= low[:, 1::2]
    m.bytes("bytes-4-grey.bmp", bitmap(WIDTH, HEIGHT, 4, rows(packed), palette=sixteen))
    two = index >> 6
    padded = numpy.pad(two, ((0, 0), (0, -WIDTH % 4)))
    m.bytes("bytes-2-grey.bmp", bitmap(WIDTH, HEIGHT, 2, rows(padded[:, ::4] << 6 | padded[:, 1::4] << 4 | padded[:, 2::4] << 2 | padded[:, 3::4]),
                                      palette=sixteen[:1 * 4] + sixteen[5 * 4:6 * 4] + sixteen[10 * 4:11 * 4] + sixteen[15 * 4:], colours=4))

    def run_lengths(samples, bits):
        out = b""
        for line in samples[::-1]:
            at = 0
            while at < len(line):
                count = 1
                while at + count < len(line) and line[at + count] == line[at] and count < 255:
                    count += 1
                if count > 2 or len(line) - at < 3:
                    out += bytes((count, line[at] if bits == 8 else line[at] * 17))
                    at += count
                    continue
                literal = line[at:at + min(9, len(line) - at)]
                if bits == 8:
                    body = bytes(literal)
                else:
                    nibbles = list(literal) + [0]
                    body = bytes(nibbles[i] << 4 | nibbles[i + 1] for i in range(0, len(literal), 2))
                out += bytes((0, len(literal))) + body + bytes(len(body) % 2)
                at += len(literal)
            out += b"\0\0"
        return out

    flat = (index // 32 * 32)
    m.bytes("bytes-rle8.bmp", bitmap(WIDTH, HEIGHT, 8, run_lengths(flat.tolist(), 8) + b"\0\1", palette=grey, compression=1))
    m.bytes("bytes-rle8-no-end.bmp", bitmap(WIDTH, HEIGHT, 8, run_lengths(flat.tolist(), 8), palette=grey, compression=1))
    m.bytes("bytes-rle4.bmp", bitmap(WIDTH, HEIGHT, 4, run_lengths((flat >> 4).tolist(), 4) + b"\0\1", palette=sixteen, compression=2))
    m.bytes("bytes-rle8-delta.bmp", bitmap(20, 10, 8, bytes((5, 200, 0, 2, 3, 2, 4, 100, 0, 0, 6, 50, 0, 1)), palette=grey, compression=1))
    m.bytes("bytes-no-size.bmp", (lambda data: data[:2] + bytes(4) + data[6:])(bitmap(WIDTH, HEIGHT, 24, rows(bgr))))
    data = bitmap(WIDTH, HEIGHT, 24, rows(bgr))
    m.bytes("bytes-more.bmp", data + b"more bytes" * 20)
    m.bytes("bytes-cut.bmp", data[:len(data) * 3 // 4])
    m.bytes("bytes-no-padding.bmp", data[:-1])


def heif(m):
    """HEIC and AVIF by pillow-heif, AVIF by Pillow too."""
    for name, image in {"RGB": RGB, "RGBA": RGBA, "L": GREY, "LA": LA}.items():
        for quality in (30, 90, -1):
            m.pillow(f"heif-{name}-q{quality}.heic", image, format="HEIF", quality=quality)
            m.pillow(f"pillow-{name}-q{quality}.avif", image, quality=abs(quality))
    for chroma in (420, 422, 444):
        m.pillow(f"heif-chroma{chroma}.heic", RGB, format="HEIF", quality=90, chroma=chroma)
        m.pillow(f"pillow-chroma{chroma}.avif", RGB, quality=90, subsampling=f"4:{str(chroma)[1]}:{str(chroma)[2]}")
    for orientation in range(1, 9):
        m.pillow(f"heif-exif-{orientation}.heic", RGB, format="HEIF", quality=90, exif=exif(orientation))
        m.pillow(f"pillow-exif-{orientation}.avif", RGB, quality=90, exif=exif(orientation))
    m.pillow("heif-several.heic", RGB, format="HEIF", quality=90, save_all=True, append_images=[RGB.rotate(90), RGB.rotate(180)])
    m.pillow("pillow-moving.avif", RGB, quality=90, save_all=True, append_images=[RGB.rotate(180)], duration=80)


def jxl_and_jp2(m):
    for source in ("rgb", "rgba", "grey", "palette"):
        for quality in ("100", "80"):
            m.run(f"magick-{source}-q{quality}.jxl", "convert", m.at(source + ".png"), "-quality", quality, "OUT")
    for mode, image in {"L": GREY, "LA": LA, "RGB": RGB, "RGBA": RGBA, "I16": DEEP}.items():
        for ending in ("jp2", "j2k"):
            m.pillow(f"pillow-{mode}.{ending}", image)
    for name, options in {"irreversible": dict(irreversible=True), "tiles": dict(tile_size=(32, 16)), "layers": dict(quality_layers=(20, 1)), "rlcp": dict(progression="RLCP"),
                          "pcrl": dict(progression="PCRL"), "one-level": dict(num_resolutions=1), "no-mct": dict(mct=0)}.items():
        m.pillow(f"pillow-{name}.jp2", RGB, **options)
    data = m.read("pillow-RGB.jp2")
    m.bytes("bytes-cut.jp2", data[:len(data) * 3 // 4])
    m.bytes("bytes-more.jp2", data + b"more bytes" * 20)


def netpbm_and_icons(m):
    for mode, image in {"1": BILEVEL, "L": GREY, "RGB": RGB, "I16": DEEP}.items():
        m.pillow(f"pillow-{mode}.pnm", image)
    for source, ending in (("bilevel", "pbm"), ("grey", "pgm"), ("rgb", "ppm"), ("rgba", "pam"), ("la", "pam"), ("grey", "pam")):
        for name, flags in {"raw": "", "plain": "-compress none", "deep": "-depth 16"}.items():
            m.run(f"magick-{source}-{name}.{ending}", "convert", m.at(source + ".png"), *flags.split(), "OUT")
    for image, name in ((RGBA, "RGBA"), (RGB, "RGB")):
        for kind in ("png", "bmp"):
            m.pillow(f"pillow-{name}-{kind}.ico", image.resize((64, 64)), sizes=[(16, 16), (64, 64), (32, 32)], bitmap_format=kind)
    for colours in (2, 16, 256):
        m.run(f"magick-{colours}.ico", "convert", m.at("palette.png"), "-resize", "48x48!", "-colors", str(colours), "-type", "Palette", "OUT")
    data = m.read("pillow-RGB.pnm")
    m.bytes("bytes-cut.pnm", data[:len(data) * 3 // 4])


def display_p3():
    """The ICC profile of Display P3, version 4, with sRGB's curve: primaries adapted to D50."""
    fixed = lambda value: struct.pack(">i", round(value * 65536))
    xyz = lambda *values: b"XYZ " + bytes(4) + b"".join(map(fixed, values))
    text = lambda words: b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2 * len(words), 28) + words.encode("utf-16-be")
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + b"".join(map(fixed, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
    tags = [(b"desc", text("P3")), (b"cprt", text("none")), (b"wtpt", xyz(0.9642, 1, 0.8249)), (b"rXYZ", xyz(0.51512, 0.2412, -0.00105)),
            (b"gXYZ", xyz(0.29198, 0.69225, 0.04189)), (b"bXYZ", xyz(0.1571, 0.06657, 0.78407)), (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)]
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s12s4s", start + len(body), b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp")
    return (header + bytes(28) + fixed(0.9642) + fixed(1) + fixed(0.8249)).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def profiles(m):
    p3 = display_p3()
    for name, options in {"profile-p3.png": {}, "profile-p3.jpg": dict(quality=95, subsampling=0), "profile-p3.webp": dict(lossless=True), "profile-p3.tif": {},
                          "profile-p3.heic": dict(format="HEIF", quality=95, chroma=444), "profile-p3.avif": dict(quality=95, subsampling="4:4:4")}.items():
        m.pillow(name, RGB, icc_profile=p3, **options)
    m.pillow("profile-p3-alpha.png", RGBA, icc_profile=p3)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    m.pillow("profile-srgb.png", RGB, icc_profile=srgb)
    m.pillow("profile-broken.png", RGB, icc_profile=p3[:200])


def main():
    m = Maker(sys.argv[1])
    PALETTE.convert("RGB").save(m.at("palette.ppm"))
    for make in (jpeg, png, gif, webp, tiff, bmp, heif, jxl_and_jp2, netpbm_and_icons, profiles):
        make(m)
    print(f"{m.count} files in {sys.argv[1]}; {len(m.failed)} that no tool wrote")
    if "--failed" in sys.argv:
        print("\n".join(m.failed))


if __name__ == "__main__":
    main()
