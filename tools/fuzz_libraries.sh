#!/usr/bin/env bash
# Builds the libraries that decode pictures and unpack archives as tools/fuzz.sh --instrumented-libraries runs them: from
# the sources of this Debian or Ubuntu, with AddressSanitizer and libFuzzer's counters, into FOLDER/lib.
#
#     tools/fuzz_libraries.sh FOLDER
#
# The sources come by apt-get from where the packages come, with a list of sources and a state of its own within FOLDER: the
# system's stay as they are.
# Needs clang, cmake, ninja, dpkg-dev, zlib1g-dev, libbz2-dev, liblzma-dev and libzstd-dev.
set -euo pipefail

mkdir -p "${1:?"where to? tools/fuzz_libraries.sh FOLDER"}"
folder=$(cd "$1" && pwd)
mkdir -p "$folder"/{apt/lists/partial,apt/cache/archives/partial,apt/sources,sources,lib}

apt=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$folder/apt/sources"
     -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o "APT::Sandbox::User=")
# shellcheck source=/dev/null
. /etc/os-release
release=${VERSION_CODENAME:?"not a Debian or Ubuntu"}
# shellcheck disable=SC2016  # apt-get fills them in
address=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$release //p" | head -n 1)
cat >"$folder/apt/sources/sources.sources" <<EOF
Types: deb-src
URIs: ${address:?"apt-get knows no packages of $release"}
Suites: $release
Components: main
Signed-By: /usr/share/keyrings/${ID}-archive-keyring.gpg
EOF
apt-get "${apt[@]}" -qq update

# Without code for vectors: AddressSanitizer does not see into assembler.
flags="-O1 -gline-tables-only -fsanitize=fuzzer-no-link,address"
# build PACKAGE LIBRARY [OPTION OF CMAKE ...]: LIBRARY is the start of the files that are wanted.
build() {
  local package=$1 library=$2 source
  shift 2
  rm -rf "$folder/sources/$package"
  mkdir -p "$folder/sources/$package"
  (cd "$folder/sources/$package" && apt-get "${apt[@]}" -qq source "$package" >/dev/null)
  source=$(find "$folder/sources/$package" -mindepth 1 -maxdepth 1 -type d)
  CC=${CC:-clang} CXX=${CXX:-clang++} cmake -S "$source" -B "$source/build" -G Ninja -DBUILD_SHARED_LIBS=ON \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE= "-DCMAKE_C_FLAGS=$flags" "$@" >/dev/null
  cmake --build "$source/build" >/dev/null
  find "$source/build" -name "$library.so*" -exec cp -P {} "$folder/lib" \;
  echo "$package: built"
}

build libjpeg-turbo libjpeg -DWITH_SIMD=OFF -DENABLE_STATIC=OFF
build libpng1.6 libpng16 -DPNG_TESTS=OFF -DPNG_STATIC=OFF -DPNG_HARDWARE_OPTIMIZATIONS=OFF
build tiff libtiff -Djbig=OFF -Dlerc=OFF -Dwebp=OFF -Dlibdeflate=OFF -Dtiff-tests=OFF -Dtiff-tools=OFF -Dtiff-docs=OFF
build libwebp 'libwebp*' -DWEBP_BUILD_{ANIM_UTILS,CWEBP,DWEBP,GIF2WEBP,IMG2WEBP,VWEBP,WEBPINFO,EXTRAS}=OFF
build libarchive libarchive -DENABLE_{TEST,TAR,CPIO,CAT,OPENSSL,NETTLE,LIBB2,LIBXML2,EXPAT,ICONV,ACL,XATTR}=OFF
ln -sf libarchive.so "$folder/lib/libarchive.so.13"  # CMake counts its versions otherwise than the distribution's build
touch "$folder/built"
